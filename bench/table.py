"""One table for every measurement."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """Seconds of several runs of one thing; ``base`` is what it is compared with."""

    name: str
    seconds: Sequence[float]
    base: Measurement | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def cells(self) -> tuple[str, ...]:
        return (
            self.name,
            *(_ms(value) for value in (self.median, min(self.seconds), max(self.seconds))),
            *self._ratio(),
        )

    def _ratio(self) -> tuple[str, str]:
        if self.base is None:
            return "", ""
        return f"{self.median / self.base.median:.2f}", self.base.name


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of one thing, which are the same in every run."""

    name: str
    bytes: int
    base: Size | None = None

    def cells(self) -> tuple[str, ...]:
        ratio = ("", "") if self.base is None else (f"{self.bytes / self.base.bytes:.2f}", self.base.name)
        return (self.name, f"{self.bytes} B", "", "", *ratio)


Row = Measurement | Size

HEAD = ("what", "median ms", "min ms", "max ms", "ratio", "to")


def render(rows: Sequence[Row]) -> str:
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *numbers, last = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    aligned = (cell.strip().rjust(len(cell)) for cell in numbers)
    return "  ".join((first, *aligned, last)).rstrip()


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """The first row is the heads of the columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
