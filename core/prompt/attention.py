"""Attention weights: ``(x)``, ``[x]``, ``(x:1.3)``, ``BREAK`` → text with its weight.

Linear in the length of the prompt, whatever it holds: every piece of text remembers the innermost
open round and square bracket, and its weight is worked out once, when all brackets are known.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

ROUND = 1.1
SQUARE = 1 / 1.1
BREAK = ("BREAK", -1.0)
"""What the word ``BREAK`` becomes outside brackets: it ends a chunk."""

_LEX = re.compile(
    r"\\[\\()\[\]]"  # an escaped bracket or backslash
    r"|\\"  # a lone backslash, dropped
    r"|\(|\["
    r"|:\s*(?P<weight>[+-]?[.\d]+)\s*\)"
    r"|\)|\]"
    r"|[^\\()\[\]:]+"
    r"|:"
)
_BREAK = re.compile(r"\bBREAK\b")
_EXACT_DEPTH = 64
"""Up to this depth factors are multiplied innermost first, one by one, as float rounding asks for;
deeper, a product carried down from the outermost bracket stands in for the rest."""


class _Brackets:
    """The brackets of one shape, by number; ``top`` is the innermost open one, -1 for none.

    Parallel lists of plain numbers: hundreds of thousands of small linked objects would have the
    garbage collector walk them again and again.
    """

    def __init__(self, default: float) -> None:
        self._default = default
        self.top = -1
        self.parent: list[int] = []
        self.factor: list[float] = []
        self.depth: list[int] = []
        self.closed: list[float] = []
        self.product: list[float] = []

    def open(self) -> None:
        self.parent.append(self.top)
        self.factor.append(self._default)
        self.depth.append(self.depth_of(self.top) + 1)
        self.closed.append(math.inf)
        self.top = len(self.parent) - 1

    def close(self, at: int, factor: float | None = None) -> None:
        self.closed[self.top] = at
        if factor is not None:
            self.factor[self.top] = _finite(factor)
        self.top = self.parent[self.top]

    def settle(self) -> None:
        for parent, factor in zip(self.parent, self.factor, strict=True):  # parents come before children
            self.product.append(_finite(factor * self.product_of(parent)))

    def depth_of(self, bracket: int) -> int:
        return self.depth[bracket] if bracket >= 0 else 0

    def product_of(self, bracket: int) -> float:
        return self.product[bracket] if bracket >= 0 else 1.0

    def around(self, bracket: int) -> Iterator[tuple[float, float]]:
        """When each bracket closed and its factor, innermost first."""
        while bracket >= 0:
            yield self.closed[bracket], self.factor[bracket]
            bracket = self.parent[bracket]


def parse_attention(text: str) -> list[tuple[str, float]]:
    """``"a (b:1.3)"`` → ``[("a ", 1.0), ("b", 1.3)]``; never empty, neighbours of equal weight joined.

    ``BREAK`` outside brackets is ``("BREAK", -1)``. A prompt with a number that is none
    (``(a:1.2.3)``) is taken literally, all of it.
    """
    try:
        return _merged(_Parser().parse(text)) or [("", 1.0)]
    except ValueError:
        return [(text, 1.0)]


def uses_emphasis(text: str) -> bool:
    """Whether any piece of the prompt weighs anything but 1."""
    return any(weight != 1.0 and part != "BREAK" for part, weight in parse_attention(text))


class _Parser:
    def __init__(self) -> None:
        self._round = _Brackets(ROUND)
        self._square = _Brackets(SQUARE)
        self._pieces: list[tuple[str, float, int, int]] = []

    def parse(self, text: str) -> Iterator[tuple[str, float]]:
        for at, match in enumerate(_LEX.finditer(text)):
            self._token(at, match[0], match["weight"])
        self._round.settle()
        self._square.settle()
        return ((piece[0], self._weight(*piece[1:])) for piece in self._pieces)

    def _token(self, at: int, lexeme: str, number: str | None) -> None:
        if lexeme[0] == "\\":
            if len(lexeme) == 2:
                self._add(lexeme[1])
        elif lexeme == "(":
            self._round.open()
        elif lexeme == "[":
            self._square.open()
        elif self._round.top >= 0 and (number is not None or lexeme == ")"):
            self._round.close(at, None if number is None else float(number))
        elif self._square.top >= 0 and lexeme == "]":
            self._square.close(at)
        else:
            for text, weight in _split_breaks(lexeme):
                self._add(text, weight)

    def _add(self, text: str, weight: float = 1.0) -> None:
        self._pieces.append((text, weight, self._round.top, self._square.top))

    def _weight(self, weight: float, in_round: int, in_square: int) -> float:
        if self._round.depth_of(in_round) + self._square.depth_of(in_square) > _EXACT_DEPTH:
            return _finite(weight * self._round.product_of(in_round) * self._square.product_of(in_square))
        around = [*self._round.around(in_round), *self._square.around(in_square)]
        for _, factor in sorted(around, key=itemgetter(0)):
            weight = _finite(weight * factor)
        return weight


def _finite(weight: float) -> float:
    return min(max(weight, -sys.float_info.max), sys.float_info.max)


def _split_breaks(text: str) -> Iterator[tuple[str, float]]:
    parts = _BREAK.split(text)
    for index, part in enumerate(parts):
        if index:
            yield BREAK
            part = part.lstrip()
        yield (part.rstrip() if index + 1 < len(parts) else part), 1.0


def _merged(pieces: Iterator[tuple[str, float]]) -> list[tuple[str, float]]:
    groups = groupby(pieces, key=itemgetter(1))
    return [("".join(text for text, _ in group), weight) for weight, group in groups]
