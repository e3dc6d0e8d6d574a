"""What an option is, not where it is kept; and the values that one job sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from core.domain.errors import InvalidValue, NotReady, UnknownOption

T = TypeVar("T")
OptionValue: TypeAlias = Any
"""A JSON value: null, boolean, number, text or a list of texts."""

Check: TypeAlias = Callable[[Mapping[str, OptionValue], Mapping[str, OptionValue]], Mapping[str, OptionValue]]
"""Of options that belong together: gives changes as they are kept, or raises ``InvalidValue``. Beside them it
is told the values in force that are no defaults."""
NOTHING: Mapping[str, OptionValue] = MappingProxyType({})

MODEL_OPTION = "sd_model_checkpoint"
HASH_OPTION = "sd_checkpoint_hash"


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One thing that users change at run time.

    :param default: also tells the type: a number option takes numbers, a flag booleans, and None takes a
        text.
    :param restricted: changes over the API are ignored in silence, as in the reference.
    :param check: stands in for the type. The options of a plugin share one.
    """

    name: str
    default: OptionValue
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    restricted: bool = False
    check: Check | None = None

    def accept(self, value: OptionValue) -> OptionValue:
        """``value`` in this option's type, where all others have their defaults. Raises
        :class:`InvalidValue`; never changes anything."""
        if self.check is not None:
            return self.check({self.name: value}, NOTHING)[self.name]
        result = _COERCE[type(self.default)](self.name, value)
        if self.choices and result not in self.choices:
            raise InvalidValue(f"option {self.name}", value, f"it must be one of {', '.join(self.choices)}")
        self._check_range(result)
        return result

    def _check_range(self, value: OptionValue) -> None:
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and not low <= value <= high:
            raise InvalidValue(f"option {self.name}", value, f"it must be between {low} and {high}")


def _flag(name: str, value: OptionValue) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise InvalidValue(f"option {name}", value, "it must be true or false")


def _number(name: str, value: OptionValue) -> float:
    try:
        number = float(value) if not isinstance(value, bool) and value is not None else None
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or number != number or abs(number) == float("inf"):
        raise InvalidValue(f"option {name}", value, "it must be a number")
    return number


def _integer(name: str, value: OptionValue) -> float:
    number = _number(name, value)
    if isinstance(value, int):
        return value
    return int(number) if number.is_integer() else number


def _text(name: str, value: OptionValue) -> str:
    if not isinstance(value, str):
        raise InvalidValue(f"option {name}", value, "it must be a text")
    return value


def _texts(name: str, value: OptionValue) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise InvalidValue(f"option {name}", value, "it must be a list of texts")
    return tuple(value)


def _text_or_none(name: str, value: OptionValue) -> str | None:
    return None if value is None else _text(name, value)


_COERCE = {
    bool: _flag,
    int: _integer,
    float: _number,
    str: _text,
    tuple: _texts,
    type(None): _text_or_none,
}


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Options that a plugin reads together.

    :ivar names: of the options, by field. :ivar make: what the plugin reads, from the values by field.
    """

    names: Mapping[str, str]
    make: Callable[[Mapping[str, OptionValue]], Any]


class OptionRegistry:
    """Every option there is. Plugins add theirs at start; after that it does not change.

    :ivar complete: false while there may be options that it has not been told of yet.
    """

    def __init__(self, specs: Iterable[OptionSpec], *, complete: bool = True) -> None:
        self.complete = complete
        self._specs: dict[str, OptionSpec] = {}
        self._groups: dict[Callable[..., Any], OptionGroup] = {}
        for spec in specs:
            self.add(spec)

    def add(self, spec: OptionSpec) -> None:
        if spec.name in self._specs:
            raise ValueError(f"option {spec.name!r} is registered twice")
        self._specs[spec.name] = spec

    def add_group(
        self,
        kind: Callable[..., Any],
        specs: Mapping[str, OptionSpec],
        make: Callable[[Mapping[str, OptionValue]], Any],
    ) -> None:
        """Options that belong together: ``OptionValues.of(kind)`` gives what ``make`` makes of their values,
        by field."""
        for spec in specs.values():
            self.add(spec)
        self._groups[kind] = OptionGroup({field: spec.name for field, spec in specs.items()}, make)

    def group(self, kind: Callable[..., Any]) -> OptionGroup:
        """Raises ``LookupError``."""
        try:
            return self._groups[kind]
        except KeyError:
            name = getattr(kind, "__name__", repr(kind))
            raise LookupError(
                f"{name} are no settings here; offer them in serena_register_settings"
            ) from None

    def __iter__(self) -> Iterator[OptionSpec]:
        return iter(tuple(self._specs.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def spec(self, name: str) -> OptionSpec:
        try:
            return self._specs[name]
        except KeyError:
            if self.complete:
                raise UnknownOption(name) from None
            raise NotReady(
                f"whether there is an option {name!r} is not known yet: the plugins are being loaded; "
                "try again later"
            ) from None

    def may_have(self, name: str) -> bool:
        """Whether there is such an option, or may be once all are known."""
        return name in self or not self.complete

    def grouped(self, changes: Mapping[str, OptionValue]) -> Mapping[Check | None, dict[str, OptionValue]]:
        """Changes of known options by their check."""
        found: dict[Check | None, dict[str, OptionValue]] = {}
        for name, value in changes.items():
            found.setdefault(self.spec(name).check, {})[name] = value
        return found

    def accept(
        self, changes: Mapping[str, OptionValue], standing: Mapping[str, OptionValue] = NOTHING
    ) -> dict[str, OptionValue]:
        """Every change in its option's type, or the first error and nothing.

        :param standing: the values in force that are no defaults, for rules over several options.
        """
        accepted: dict[str, OptionValue] = {}
        for check, group in self.grouped(changes).items():
            if check is None:
                accepted |= {name: self.spec(name).accept(value) for name, value in group.items()}
            else:
                accepted |= check(group, standing)
        return accepted

    def values(self, changed: Mapping[str, OptionValue]) -> OptionValues:
        return OptionValues(self, changed)


class OptionValues(Mapping[str, OptionValue]):
    """The options as one job sees them: defaults, and over them what was changed."""

    def __init__(self, registry: OptionRegistry, changed: Mapping[str, OptionValue]) -> None:
        self._registry = registry
        self.changed = dict(changed)

    def __getitem__(self, name: str) -> OptionValue:
        if name in self.changed:
            return self.changed[name]
        return self._registry.spec(name).default

    def __iter__(self) -> Iterator[str]:
        return (spec.name for spec in self._registry)

    def __len__(self) -> int:
        return sum(1 for _ in self._registry)

    def of(self, kind: Callable[..., T]) -> T:
        """A plugin's settings as this job sees them: ``kind`` is the model that the plugin offered. Raises
        ``LookupError`` for one that it did not offer, and ``ValueError``, one sentence, for values that the
        model refuses: they were kept when it had other rules."""
        group = self._registry.group(kind)
        made: T = group.make({field: self[name] for field, name in group.names.items()})
        return made

    def flag(self, name: str) -> bool:
        return bool(self[name])

    def number(self, name: str) -> float:
        return float(self[name])

    def text(self, name: str) -> str:
        return str(self[name] or "")

    def opened(self, changes: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """``changes`` without those of restricted options, which are passed over in silence."""
        known = self._registry
        return {k: v for k, v in changes.items() if k not in known or not known.spec(k).restricted}

    def overlay(self, changes: Mapping[str, OptionValue]) -> OptionValues:
        """These options with accepted ``changes`` over them. The originals stay as they are."""
        return OptionValues(self._registry, {**self.changed, **self._registry.accept(changes, self.changed)})
