"""Field types that coerce and refuse as the reference's do (pydantic 1), with its messages.

Every error carries the reference's type and text already, so that a 422 body needs no translation for them.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_LONGEST_NUMBER = 4300
"""Digits. Python refuses longer ones too; asked first, so that the refusal is a 422."""

_TRUE = frozenset(("1", "on", "t", "true", "y", "yes"))
_FALSE = frozenset(("0", "off", "f", "false", "n", "no"))


def _refuse_null(value: Any) -> None:
    if value is None:
        raise PydanticCustomError("type_error.none.not_allowed", "none is not an allowed value")


def _integer(value: Any) -> int:
    """Floats lose their fraction, booleans are 0 and 1, texts of digits are read."""
    _refuse_null(value)
    try:
        if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        raise PydanticCustomError("type_error.integer", "value is not a valid integer") from None


def _number(value: Any) -> float:
    """Unlike the reference's, NaN and the infinities are refused: no field means anything by them."""
    _refuse_null(value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise PydanticCustomError("type_error.float", "value is not a valid float")
    return number


def _text(value: Any) -> str:
    _refuse_null(value)
    if isinstance(value, str | int | float):
        return str(value)
    raise PydanticCustomError("type_error.str", "str type expected")


def _flag(value: Any) -> bool:
    _refuse_null(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    word = value.lower() if isinstance(value, str) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise PydanticCustomError("type_error.bool", "value could not be parsed to a boolean")


def _mapping(value: Any) -> dict[str, Any]:
    """PHP clients write ``[]`` for an empty object, so that passes as in the reference."""
    _refuse_null(value)
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise PydanticCustomError("type_error.dict", "value is not a valid dict")
    return value


def _list(value: Any) -> list[Any]:
    _refuse_null(value)
    if not isinstance(value, list):
        raise PydanticCustomError("type_error.list", "value is not a valid list")
    return value


def _list_or_dict(value: Any) -> list[Any] | dict[str, Any]:
    return value if isinstance(value, dict) else _list(value)


def _names(value: Any) -> list[Any]:
    """A list of names; holes in it (``[null]``, which AIYA sends) are dropped."""
    return [item for item in _list(value) if item is not None]


Int = Annotated[int, BeforeValidator(_integer)]
Float = Annotated[float, BeforeValidator(_number)]
Str = Annotated[str, BeforeValidator(_text)]
Bool = Annotated[bool, BeforeValidator(_flag)]
Dict = Annotated[dict[str, Any], BeforeValidator(_mapping)]
List = Annotated[list[Any], BeforeValidator(_list)]
ListOrDict = Annotated[list[Any] | dict[str, Any], BeforeValidator(_list_or_dict)]
Names = Annotated[list[Str], BeforeValidator(_names)]
