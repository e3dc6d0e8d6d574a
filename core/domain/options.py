"""What an option is, not where it is kept; and the values that one job sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from core.domain.errors import InvalidValue, UnknownOption

T = TypeVar("T")
OptionValue: TypeAlias = Any
"""A JSON value: null, boolean, number, text or a list of texts."""

MODEL_OPTION = "sd_model_checkpoint"
HASH_OPTION = "sd_checkpoint_hash"


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One thing that users change at run time.

    :param default: also tells the type: a number option takes numbers, a flag booleans, and None takes a
        text.
    :param restricted: changes over the API are ignored in silence, as in the reference.
    :param check: gives the value of this name as it is kept, or raises :class:`InvalidValue`; it stands in
        for the type. Plugins' options have one.
    """

    name: str
    default: OptionValue
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    restricted: bool = False
    check: Callable[[str, OptionValue], OptionValue] | None = None

    def accept(self, value: OptionValue) -> OptionValue:
        """``value`` in this option's type. Raises :class:`InvalidValue`; never changes anything."""
        if self.check is not None:
            return self.check(self.name, value)
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


class OptionRegistry:
    """Every option there is. Plugins add theirs at start; after that it does not change."""

    def __init__(self, specs: Iterable[OptionSpec]) -> None:
        self._specs: dict[str, OptionSpec] = {}
        self._groups: dict[Callable[..., Any], dict[str, str]] = {}
        for spec in specs:
            self.add(spec)

    def add(self, spec: OptionSpec) -> None:
        if spec.name in self._specs:
            raise ValueError(f"option {spec.name!r} is registered twice")
        self._specs[spec.name] = spec

    def add_group(self, kind: Callable[..., Any], specs: Mapping[str, OptionSpec]) -> None:
        """Options that belong together: ``OptionValues.of(kind)`` calls ``kind`` with their values."""
        for spec in specs.values():
            self.add(spec)
        self._groups[kind] = {field: spec.name for field, spec in specs.items()}

    def group(self, kind: Callable[..., Any]) -> Mapping[str, str]:
        """The names of the options of a group, by field. Raises ``LookupError``."""
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
            raise UnknownOption(name) from None

    def accept(self, changes: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
        """Every change in its option's type, or the first error and nothing."""
        return {name: self.spec(name).accept(value) for name, value in changes.items()}

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
        ``LookupError`` for one that it did not offer."""
        return kind(**{field: self[name] for field, name in self._registry.group(kind).items()})

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
        return OptionValues(self._registry, {**self.changed, **self._registry.accept(changes)})
