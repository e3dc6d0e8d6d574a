"""A watch that stops work and tells nobody how far it is."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.image import RasterImage


class QuietWatch:
    """A ``RunWatch`` for work inside of a pass, whose steps are not the run's."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def begin_pass(self, steps: int) -> None:
        """Not told."""

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        """Not told."""

    def check(self) -> None:
        self._check()
