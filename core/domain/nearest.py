"""Which names a sentence offers in place of one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nlargest
from typing import Final

ALL: Final = 20
"""So many are told whole; of more, the nearest."""
NEAREST: Final = 5
_ALIKE: Final = 0.4
_LONGEST: Final = 100
"""What is compared: the time grows with the square of it, and callers may send any text."""
_COMPARED: Final = 60
"""So many are compared letter by letter, which is slow: those that share most pairs for their length."""


def offered(asked: str, known: Iterable[str]) -> str:
    """The names that there are, with commas; of many those that are most like ``asked``, and how many more
    there are. Empty where there are none."""
    names = list(known)
    if len(names) <= ALL:
        return ", ".join(names)
    found = _nearest(asked, names) or names[:NEAREST]
    return f"{', '.join(found)} and {len(names) - len(found)} more"


def _nearest(asked: str, names: list[str]) -> list[str]:
    by_text = {_compared(name): name for name in reversed(names)}
    text = _compared(asked)
    pairs = {text[start : start + 2] for start in range(len(text))}

    def shared(known: str) -> float:
        return sum(map(known.__contains__, pairs)) / (len(text) + len(known) + 1)

    likely = nlargest(_COMPARED, reversed(by_text), shared)
    return [by_text[found] for found in get_close_matches(text, likely, NEAREST, _ALIKE)]


def _compared(name: str) -> str:
    """Without the hash of a title, whose letters are like any other's."""
    return name[:_LONGEST].partition(" [")[0].casefold()
