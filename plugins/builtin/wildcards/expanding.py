"""Wildcards in a text: found and replaced in a time that is linear in its length."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

ROUNDS = 8
"""How deep what a file holds may name other files."""
LONGEST = 100_000
"""Characters beyond which a text does not grow any more."""

_NAME = re.compile(r"__([A-Za-z0-9](?:[A-Za-z0-9 ./-]|_(?!_))*)__")


class Choices(Protocol):
    def choices(self, name: str) -> Sequence[str]: ...


@dataclass(slots=True)
class _Group:
    """A pair of braces: where it ends, and where the bars between its alternatives are."""

    end: int = -1
    bars: list[int] = field(default_factory=list)


class Expander:
    """:ivar missing: names without a file, in the order in which they came up."""

    def __init__(self, files: Choices) -> None:
        self._files = files
        self.missing: dict[str, None] = {}

    def expand(self, text: str, rng: Random) -> str:
        for _ in range(ROUNDS):
            chosen = _NAME.sub(lambda match: self._line(match, rng), _alternatives(text, rng))
            if chosen == text or len(chosen) > LONGEST:
                return chosen[: max(LONGEST, len(text))]
            text = chosen
        return text

    def _line(self, match: re.Match[str], rng: Random) -> str:
        choices = self._files.choices(match[1])
        if not choices:
            self.missing[match[1]] = None
            return match[0]
        return rng.choice(choices)


def _alternatives(text: str, rng: Random) -> str:
    """One alternative of each ``{a|b}``, from the outside in. Braces without a bar stay."""
    groups = _groups(text)
    kept: list[str] = []
    ends: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        if ends and at == ends[-1][0]:
            at = ends.pop()[1]
            continue
        group = groups.get(at)
        if group is None:
            kept.append(text[at])
            at += 1
            continue
        borders = [at, *group.bars, group.end]
        number = rng.randrange(len(borders) - 1)
        ends.append((borders[number + 1], group.end + 1))
        at = borders[number] + 1
    return "".join(kept)


def _groups(text: str) -> dict[int, _Group]:
    """The closed pairs of braces that hold a bar of their own, by where they begin."""
    found: dict[int, _Group] = {}
    open_: list[tuple[int, _Group]] = []
    for at, letter in enumerate(text):
        if letter == "{":
            open_.append((at, _Group()))
        elif letter == "|" and open_:
            open_[-1][1].bars.append(at)
        elif letter == "}" and open_:
            start, group = open_.pop()
            if group.bars:
                group.end = at
                found[start] = group
    return found
