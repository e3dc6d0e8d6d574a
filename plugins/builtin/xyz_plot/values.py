"""The values of an axis: a list with commas, and ranges such as ``1-5 (2)`` and ``1-5 [3]``."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.domain.errors import InvalidValue

MOST = 1000
"""Values of one axis."""

_NUMBER = r"[+-]?\d+(?:\.\d*)?|[+-]?\.\d+"
_STEPPED = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*(?:\(\s*({_NUMBER})\s*\))?\s*")
_COUNTED = re.compile(rf"\s*({_NUMBER})\s*-\s*({_NUMBER})\s*\[\s*(\d+)\s*\]\s*")


@dataclass(frozen=True, slots=True)
class Swap:
    """A text that takes the place of another."""

    searched: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Order:
    """Words in an order."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.words)


@dataclass(frozen=True, slots=True)
class PictureSize:
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def split(text: str) -> list[str]:
    """The values between the commas; quotes keep a comma."""
    rows = csv.reader([" ".join(text.splitlines())], skipinitialspace=True)
    try:
        found = [value.strip() for row in rows for value in row]
    except csv.Error as error:
        raise InvalidValue("the values of an axis", text, str(error)) from None
    return [value for value in found if value]


def whole_numbers(axis: str, texts: list[str]) -> list[Any]:
    found = _numbers(axis, texts, 1.0)
    if not all(map(math.isfinite, found)):
        raise InvalidValue(f"values of the axis {axis}", ", ".join(texts), "they must be whole numbers")
    return [round(number) for number in found]


def numbers(axis: str, texts: list[str]) -> list[Any]:
    return list(_numbers(axis, texts, 1.0))


def texts_as_they_are(axis: str, texts: list[str]) -> list[Any]:
    return list(texts)


def flags(axis: str, texts: list[str]) -> list[Any]:
    return [text.casefold() in ("true", "1", "yes", "on") for text in texts]


def sizes(axis: str, texts: list[str]) -> list[Any]:
    """``512x768``."""
    found: list[Any] = []
    for text in texts:
        width, _, height = map(str.strip, text.casefold().partition("x"))
        if not (width.isdecimal() and height.isdecimal()):
            raise InvalidValue(f"a value of the axis {axis}", text, "it must be WIDTHxHEIGHT")
        found.append(PictureSize(int(width[:9]), int(height[:9])))
    return found


def _numbers(axis: str, texts: list[str], step: float) -> list[float]:
    found: list[float] = []
    for text in texts:
        found += _range(axis, text, step)
        if len(found) > MOST:
            raise InvalidValue(f"values of the axis {axis}", text, f"there may be {MOST} at most")
    return found


def _range(axis: str, text: str, step: float) -> list[float]:
    counted = _COUNTED.fullmatch(text)
    if counted is not None:
        return _spread(axis, text, float(counted[1]), float(counted[2]), int(counted[3][:9]))
    stepped = _STEPPED.fullmatch(text)
    if stepped is not None:
        return _stepped(axis, text, float(stepped[1]), float(stepped[2]), abs(float(stepped[3] or step)))
    try:
        return [float(text)]
    except ValueError:
        raise InvalidValue(
            f"a value of the axis {axis}", text, "it must be a number, or a range as 1-5 (2) or 1-5 [3]"
        ) from None


def _stepped(axis: str, text: str, first: float, last: float, step: float) -> list[float]:
    if step == 0 or not abs(last - first) / step < MOST:
        raise InvalidValue(f"a value of the axis {axis}", text, f"it may stand for {MOST} numbers at most")
    sign = 1 if last >= first else -1
    count = int(abs(last - first) / step + 1e-9) + 1
    return [_tidy(first + sign * step * number) for number in range(count)]


def _spread(axis: str, text: str, first: float, last: float, count: int) -> list[float]:
    if not 1 <= count <= MOST:
        raise InvalidValue(f"a value of the axis {axis}", text, f"it may stand for 1 to {MOST} numbers")
    if count == 1:
        return [first]
    return [_tidy(first + (last - first) * number / (count - 1)) for number in range(count)]


def _tidy(number: float) -> float:
    return round(number, 6)


Read = Callable[[str, list[str]], list[Any]]
