"""Frozen dataclasses to JSON values and back, by their type hints. Numbers keep the type that came in."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """``value`` as dicts, lists, strings, numbers, booleans and None only."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
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
    return cast(T, _decode(kind, plain))


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode(hint: Any, plain: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return None if plain is None else _decode(_only_member(hint), plain)
    if origin is tuple:
        return tuple(_decode(typing.get_args(hint)[0], item) for item in plain)
    if origin is Literal:
        return plain
    if origin is not None and issubclass(origin, Mapping):
        return {key: _decode(typing.get_args(hint)[1], item) for key, item in plain.items()}
    return _decode_plain_type(hint, plain)


def _only_member(hint: Any) -> Any:
    return next(member for member in typing.get_args(hint) if member is not type(None))


def _decode_plain_type(hint: Any, plain: Any) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = _hints(hint)
        return hint(**{key: _decode(hints.get(key), item) for key, item in plain.items()})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(plain)
    if hint is datetime:
        return datetime.fromisoformat(plain)
    return plain
