"""Prompt editing and alternation: ``[from:to:when]``, ``[to:when]``, ``[a|b|c]``.

A prompt is compiled to a flat program of text and jumps, so that neither nesting nor length needs
recursion. A bracket belongs to the syntax only if all within it does; otherwise it and every bracket
around it are plain text. A ``|`` or a backslash that ends up outside any bracket makes the whole
prompt plain text, as the reference does.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

_LEX = re.compile(r"(?P<text>(?:[^\\\[\]():|]|\\.)+)|(?P<mark>[\[\]():|])|(?P<bad>[\\])")
_NUMBER = re.compile(r"\s*(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")
_PAIRS = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the numbers in a prompt count. ``steps``: model evaluations of the (first) pass;
    ``hires_steps``: those of the hires pass when the schedule is for that pass, else ``None``;
    ``old``: the numbering of before 1.6.0, where below 1 is a fraction and both passes count alike."""

    steps: int
    hires_steps: int | None = None
    old: bool = False

    @property
    def total(self) -> int:
        """How many evaluations the schedule covers."""
        return self.steps if self.old or self.hires_steps is None else self.hires_steps

    def boundary(self, number: str) -> int:
        """The last evaluation (from 1) before the switch; below 1: switched from the start."""
        value = float(number)
        if self.old:
            value = value * self.total if value < 1 else value
        elif self.hires_steps is not None:
            value = (value - 1.0) * self.total if "." in number else value - self.steps
        elif "." in number:
            value *= self.total
        return int(max(-1.0, min(value, float(self.total))))


@dataclass(frozen=True, slots=True)
class _Edit:
    boundary: int
    before: int
    after: int

    def target(self, step: int) -> int:
        return self.before if step <= self.boundary else self.after


@dataclass(frozen=True, slots=True)
class _Alternate:
    items: tuple[int, ...]

    def target(self, step: int) -> int:
        return self.items[(step - 1) % len(self.items)]


_Op = str | int | _Edit | _Alternate
"""Text to write, a jump, or a choice of jumps."""


@dataclass(slots=True)
class _Group:
    opener: str
    start: int
    marks: list[int] = field(default_factory=list)


class _NotThisGrammarError(Exception):
    """The text is to be taken verbatim."""


def schedule(text: str, timeline: Timeline) -> list[tuple[int, str]]:
    """``[(last step, text), …]``: the text in force up to and with each step, steps counted from 1."""
    total = timeline.total
    try:
        program, boundaries = _Compiler(text, timeline).compile()
    except _NotThisGrammarError:
        return [(total, text)]
    return [(end, _run(program, end)) for end in sorted({*boundaries, total})]


def _run(program: list[_Op], step: int) -> str:
    written: list[str] = []
    at = 0
    while at < len(program):
        op = program[at]
        if isinstance(op, str):
            written.append(op)
            at += 1
        else:
            at = op if isinstance(op, int) else op.target(step)
    return "".join(written)


class _Compiler:
    def __init__(self, text: str, timeline: Timeline) -> None:
        self._text = text
        self._timeline = timeline
        self._tokens: list[str] = []
        self._program: list[_Op] = []
        self._open: list[_Group] = []
        self._boundaries: set[int] = set()

    def compile(self) -> tuple[list[_Op], set[int]]:
        for match in _LEX.finditer(self._text):
            if match["bad"]:
                raise _NotThisGrammarError
            at, token = len(self._tokens), match[0]
            self._tokens.append(token)
            self._program.append(token)
            if match["mark"]:
                self._mark(at, token)
        self._flatten()
        return self._program, self._boundaries

    def _mark(self, at: int, mark: str) -> None:
        if mark in "([":
            self._open.append(_Group(mark, at))
        elif mark in ":|":
            if self._open:
                self._open[-1].marks.append(at)
            elif mark == "|":
                raise _NotThisGrammarError
        elif not self._open or self._open[-1].opener != _PAIRS[mark] or not self._close(self._open[-1], at):
            self._flatten()
        else:
            self._open.pop()

    def _flatten(self) -> None:
        """Every open bracket turns out to be plain text."""
        if any(self._tokens[mark] == "|" for group in self._open for mark in group.marks):
            raise _NotThisGrammarError
        self._open.clear()

    def _close(self, group: _Group, end: int) -> bool:
        kinds = {self._tokens[mark] for mark in group.marks}
        if not kinds:
            return True
        if group.opener == "(":
            return kinds == {":"} and len(group.marks) == 1
        if kinds == {"|"}:
            self._alternate(group, end)
            return True
        return kinds == {":"} and len(group.marks) <= 2 and self._edit(group, end)

    def _alternate(self, group: _Group, end: int) -> None:
        self._program[group.start] = _Alternate((group.start + 1, *(mark + 1 for mark in group.marks)))
        for mark in (*group.marks, end):
            self._program[mark] = end + 1
        self._boundaries.update(range(1, self._timeline.total + 1))

    def _edit(self, group: _Group, end: int) -> bool:
        when = group.marks[-1]
        match = _NUMBER.fullmatch(self._tokens[when + 1]) if end == when + 2 else None
        if match is None:
            return False
        if math.isinf(float(match["number"])):
            raise _NotThisGrammarError
        boundary = self._timeline.boundary(match["number"])
        first = group.start + 1
        # [from:to:when] has two texts; in [to:when] "from" is nothing: jump straight behind the bracket
        before, after = (first, group.marks[0] + 1) if len(group.marks) == 2 else (end + 1, first)
        self._program[group.start] = _Edit(boundary, before, after)
        for mark in (*group.marks, end):
            self._program[mark] = end + 1
        if boundary >= 1:
            self._boundaries.add(boundary)
        return True
