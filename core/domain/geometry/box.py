from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    width: int
    height: int


class Box(NamedTuple):
    """Left, top, right, bottom; right and bottom are outside. The order that Pillow uses."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def width(self) -> int:
        return self.x2 - self.x1

    @property
    def height(self) -> int:
        return self.y2 - self.y1
