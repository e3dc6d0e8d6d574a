"""Finds ``Key: value`` in the line of parameters, in linear time.

A key is a word character and at least one more of word characters, spaces, ``-`` and ``/``, right
before a colon. A value is a quoted string or runs to the next comma.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_RUN = re.compile(r"[\w \-/]+|[^\w \-/:]+|:")
_WORD = re.compile(r"\w")
_QUOTED = re.compile(r'"(?!")[^\\"]*(?:\\.[^\\"]*)*"(?=,|\Z)')
_SPACE = re.compile(r"\s*")


class Param(NamedTuple):
    key: str
    raw: str
    """As it stands there, quotes included."""
    start: int
    end: int


def scan(line: str) -> Iterator[Param]:
    """The parameters of the line, from left to right; what fits none is skipped."""
    at = 0
    run: re.Match[str] | None = None
    while (match := _RUN.match(line, at)) is not None:
        at = match.end()
        if match[0] != ":":
            run = match
            continue
        key = _key(run)
        run = None
        if key is not None:
            start = at - 1 - len(key)
            raw, at = _value(line, _end_of_space(line, at))
            yield Param(key, raw, start, at)


def _key(run: re.Match[str] | None) -> str | None:
    first = _WORD.search(run[0]) if run else None
    key = run[0][first.start() :] if run and first else ""
    return key if len(key) > 1 else None


def _end_of_space(line: str, at: int) -> int:
    match = _SPACE.match(line, at)
    return match.end() if match else at


def _value(line: str, at: int) -> tuple[str, int]:
    """The value that begins here, and where the next key may begin."""
    if match := _QUOTED.match(line, at):
        return match[0], min(match.end() + 1, len(line))
    comma = line.find(",", at)
    return (line[at:], len(line)) if comma < 0 else (line[at:comma], comma + 1)


def unquote(raw: str) -> str:
    """A value without its quotes; one that is no JSON string stays as it is."""
    if len(raw) < 2 or raw[0] != '"' or raw[-1] != '"':
        return raw
    try:
        return str(json.loads(raw))
    except ValueError:
        return raw
