"""What a script says of itself, and how the arguments of a request meet its fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.domain.errors import InvalidValue, UnknownScript
from core.domain.nearest import offered
from core.domain.request import GenerationRequest, Kind
from core.domain.resources import ScriptArg, ScriptInfo

Given: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""Arguments as a request sends them: by position, or by name."""

LARGEST = 1e300
"""No argument means more by a number than this; beyond, arithmetic fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script as data. The API, the command line and a page show and check it by this alone.

    :param name: what requests call it, in any case. One name may stand for two scripts, one on each endpoint.
    :param fields: its arguments in the order in which they may be sent by position.
    :param always_on: it acts beside others, by hooks; otherwise a request selects it and it runs the passes.
    """

    name: str
    fields: tuple[ScriptArg, ...] = ()
    txt2img: bool = True
    img2img: bool = True
    always_on: bool = False

    def infos(self) -> tuple[ScriptInfo, ...]:
        """It on each endpoint that it is on."""
        shown = [(self.txt2img, False), (self.img2img, True)]
        return tuple(
            ScriptInfo(name=self.name.lower(), always_on=self.always_on, img2img=on_img2img, args=self.fields)
            for wanted, on_img2img in shown
            if wanted
        )

    def arguments(self, request: GenerationRequest) -> dict[str, Any]:
        """Every field's value for this request, checked. Raises ``InvalidValue``."""
        if not self.always_on:
            return bind(self.name, self.fields, request.script_args)
        return bind(self.name, self.fields, _sent(request.alwayson_scripts, self.name))


def find_script(name: str, kind: Kind, scripts: Iterable[ScriptInfo]) -> ScriptInfo | None:
    """The script of that name on the endpoint of that kind."""
    wanted, img2img = name.casefold(), kind is Kind.IMG2IMG
    return next((s for s in scripts if s.name.casefold() == wanted and s.img2img is img2img), None)


def check_scripts(request: GenerationRequest, scripts: Sequence[ScriptInfo]) -> None:
    """Raises ``UnknownScript``, or ``InvalidValue`` for an argument that does not fit."""
    if request.script_name:
        selected = find_script(request.script_name, request.kind, scripts)
        if selected is None or selected.always_on:
            raise UnknownScript(request.script_name)
        bind(selected.name, selected.args, request.script_args)
    for name in request.alwayson_scripts:
        always = find_script(name, request.kind, scripts)
        if always is None:
            raise UnknownScript(name)
        bind(always.name, always.args, _sent(request.alwayson_scripts, name))


def bind(script: str, fields: Sequence[ScriptArg], given: Given) -> dict[str, Any]:
    """Every field's value by its name; one that is missing or null has its default. Raises
    ``InvalidValue``."""
    named = given if isinstance(given, Mapping) else _by_position(script, fields, given)
    unknown = next((name for name in named if name not in {field.name for field in fields}), None)
    if unknown is not None:
        known = ", ".join(field.name for field in fields) or "none"
        raise InvalidValue(f"an argument of {script}", unknown, f"its arguments are: {known}")
    return {field.name: _value(script, field, named.get(field.name)) for field in fields}


def _by_position(script: str, fields: Sequence[ScriptArg], given: Sequence[Any]) -> dict[str, Any]:
    if len(given) > len(fields):
        raise InvalidValue(f"arguments of {script}", len(given), f"it takes at most {len(fields)}")
    return {field.name: value for field, value in zip(fields, given, strict=False)}


def _sent(scripts: Mapping[str, Any], name: str) -> Given:
    for key, value in scripts.items():
        if key.casefold() == name.casefold():
            args = value.get("args", ()) if isinstance(value, Mapping) else None
            if not isinstance(args, list | tuple | Mapping):
                raise InvalidValue(
                    f"alwayson_scripts[{key!r}]", value, 'it must be an object: {"args": [...]}'
                )
            return args
    return ()


def _value(script: str, field: ScriptArg, value: Any) -> Any:
    if value is None:
        return field.value
    where = f"{script}: {field.name}"
    if field.choices and isinstance(field.value, list | tuple):
        return [_choice(where, field.choices, one) for one in _typed(where, field.value, value)]
    if field.choices:
        return _choice(where, field.choices, value)
    return _ranged(where, field, _typed(where, field.value, value))


def _choice(where: str, choices: Sequence[str], value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices):
        return choices[value]
    found = next((c for c in choices if isinstance(value, str) and c.casefold() == value.casefold()), None)
    if found is None:
        raise InvalidValue(where, value, f"it must be one of {offered(str(value), choices)}")
    return found


def _typed(where: str, default: Any, value: Any) -> Any:
    if default is None:
        return value
    if isinstance(default, bool):
        return _flag(where, value)
    if isinstance(default, int | float):
        return _number(where, default, value)
    if isinstance(default, str):
        return _text(where, value)
    if not isinstance(value, list | tuple):
        raise InvalidValue(where, value, "it must be a list")
    return value


def _flag(where: str, value: Any) -> bool:
    if not isinstance(value, bool | int) or value not in (0, 1):
        raise InvalidValue(where, value, "it must be true or false")
    return bool(value)


def _number(where: str, default: Any, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
        raise InvalidValue(where, value, "it must be a number")
    if isinstance(default, float):
        return float(value)
    if value != int(value):
        raise InvalidValue(where, value, "it must be a whole number")
    return int(value)


def _text(where: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidValue(where, value, "it must be a text")
    return str(value)


def _ranged(where: str, field: ScriptArg, value: Any) -> Any:
    low, high = field.minimum, field.maximum
    if isinstance(value, int | float) and not isinstance(value, bool):
        if low is not None and value < low:
            raise InvalidValue(where, value, f"it must be at least {low:g}")
        if high is not None and value > high:
            raise InvalidValue(where, value, f"it must be at most {high:g}")
    return value
