"""Styles that were given at start."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.job import StyleText


class MemoryStyleLibrary:
    """A ``StyleLibrary`` for tests."""

    def __init__(self, styles: Sequence[StyleText] = ()) -> None:
        self._styles = tuple(styles)

    def all(self) -> Sequence[StyleText]:
        return self._styles
