"""What the tests say of each client, as the table of docs/reference/clients.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT

PAGE = ROOT / "docs" / "reference" / "clients.md"
HEAD = ("| client | how it was run | what passed |", "|---|---|---|")
ROW = re.compile(r"^\| (?P<name>[^|]+) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)
MARK = "client"


@dataclass
class Line:
    """One client. ``run`` says how; ``passed`` and ``failed`` what was looked at."""

    name: str
    run: str
    asked: int = 0
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every test of this client that there is has ended."""
        return self.asked == len(self.passed) + len(self.failed)

    def row(self) -> str:
        said = ", ".join(self.passed) or "nothing"
        if self.failed:
            said += f"; **failed**: {', '.join(self.failed)}"
        return f"| {self.name} | {self.run} | {said} |"


class Ledger:
    """Filled while the tests run.

    :param scope: how many tests of each client there are, whether they are selected or not.
    """

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}

    def expect(self, items: Iterable[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers(MARK):
                self._line(mark).asked += 1

    def record(self, item: pytest.Item, passed: bool) -> None:
        for mark in item.iter_markers(MARK):
            line = self._line(mark)
            (line.passed if passed else line.failed).append(mark.kwargs.get("shows") or title(item))

    def complete(self) -> Iterator[Line]:
        return (line for line in self.lines.values() if line.complete)

    def _line(self, mark: pytest.Mark) -> Line:
        name = mark.args[0]
        return self.lines.setdefault(name, Line(name, mark.kwargs["run"]))


def title(item: pytest.Item) -> str:
    return item.name.removeprefix("test_").replace("_", " ")


def rows_of(page: str) -> dict[str, str]:
    """The rows of the table, by client."""
    body = page.partition(HEAD[1])[2]
    return {found["name"]: found[0] for found in ROW.finditer(body)}


def written(page: str, lines: Iterable[Line]) -> str:
    """``page`` with the rows of ``lines`` in place of what it says of these clients."""
    before = page.partition(HEAD[0])[0]
    rows = rows_of(page) | {line.name: line.row() for line in lines}
    table = "\n".join((*HEAD, *(rows[name] for name in sorted(rows, key=str.casefold))))
    return f"{before}{table}\n"


def write(page: Path, lines: Iterable[Line]) -> None:
    page.write_text(written(page.read_text("utf-8"), lines), encoding="utf-8")
