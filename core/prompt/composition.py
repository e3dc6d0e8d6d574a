"""Composition: ``a AND b :0.5`` → parts with weights."""

from __future__ import annotations

import re
from typing import NamedTuple

_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"\s*(?P<number>[-+]?(?:\d+\.?|\d*\.\d+))")


class Part(NamedTuple):
    text: str
    weight: float


def split_and(text: str) -> list[Part]:
    """The parts of a positive prompt, never none. Leading spaces stay, trailing ones go.

    A ``:number`` that ends a part is its weight, also where there is no ``AND``.
    """
    return [_part(piece) for piece in _AND.split(text)]


def _part(text: str) -> Part:
    text = text.rstrip()
    head, colon, tail = text.rpartition(":")
    match = _WEIGHT.fullmatch(tail) if colon else None
    if match is None:
        return Part(text, 1.0)
    return Part(head.rstrip(), float(match["number"]))
