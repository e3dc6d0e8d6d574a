"""Frozen dataclasses to JSON values and back, by their type hints. Numbers keep the type that came in.

What a class or a hint asks for is found out once: jobs pass here several times in their life.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar, Union, cast

T = TypeVar("T")

_Decoder: TypeAlias = Callable[[Any], Any]

_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


def to_plain(value: Any) -> Any:
    """``value`` as dicts, lists, strings, numbers, booleans and None only."""
    kind: Any = type(value)
    if kind in _AS_IT_IS:
        return value
    names = _field_names(kind)
    if names is not None:
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], plain: Any) -> T:
    """The inverse of :func:`to_plain` for a value of type ``kind``. Unknown keys are an error (TypeError)."""
    hint: Any = kind
    decode = _decoder(hint)
    return cast(T, plain if decode is None else decode(plain))


@cache
def _field_names(kind: Any) -> tuple[str, ...] | None:
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else None


@cache
def _decoder(hint: Any) -> _Decoder | None:
    """None for what is the same in both forms."""
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return _optional(_decoder(_only_member(hint)))
    if origin is tuple:
        return _sequence(_decoder(typing.get_args(hint)[0]))
    if origin is Literal:
        return None
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_decoder(typing.get_args(hint)[1]))
    return _decoder_of_plain_type(hint)


def _only_member(hint: Any) -> Any:
    return next(member for member in typing.get_args(hint) if member is not type(None))


def _optional(decode: _Decoder | None) -> _Decoder | None:
    return None if decode is None else lambda plain: None if plain is None else decode(plain)


def _sequence(decode: _Decoder | None) -> _Decoder:
    return tuple if decode is None else lambda plain: tuple(map(decode, plain))


def _mapping(decode: _Decoder | None) -> _Decoder:
    if decode is None:
        return lambda plain: dict(plain.items())
    return lambda plain: {key: decode(item) for key, item in plain.items()}


def _decoder_of_plain_type(hint: Any) -> _Decoder | None:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint
    return datetime.fromisoformat if hint is datetime else None


def _dataclass(kind: type) -> _Decoder:
    found = {name: _decoder(hint) for name, hint in typing.get_type_hints(kind).items()}
    decoders = {name: decode for name, decode in found.items() if decode is not None}

    def decode(plain: Mapping[str, Any]) -> Any:
        fields = dict(plain.items())
        for name in fields.keys() & decoders.keys():
            fields[name] = decoders[name](fields[name])
        return kind(**fields)

    return decode
