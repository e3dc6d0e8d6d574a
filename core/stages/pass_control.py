"""How far a script is: the passes that it makes count as one run."""

from __future__ import annotations

from collections.abc import Callable

from core.domain.image import RasterImage
from core.stages.order import RunControl


class PassControl:
    """The ``RunControl`` of one pass: its iterations count among those of all passes."""

    def __init__(self, control: RunControl, index: int, passes: int) -> None:
        self._control = control
        self._index = index
        self._passes = passes
        self._iterations = 1

    @property
    def interrupted(self) -> bool:
        return self._control.interrupted

    def stage(self, name: str) -> None:
        """The script is in one stage from its first pass to its last."""

    def plan(self, iterations: int, passes: int) -> None:
        self._iterations = iterations
        self._control.plan(iterations * self._passes, passes)

    def begin_iteration(self, index: int, label: str) -> None:
        number = self._index * self._iterations + index
        self._control.begin_iteration(number, f"Pass {self._index + 1} out of {self._passes}")

    def begin_pass(self, steps: int) -> None:
        self._control.begin_pass(steps)

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        self._control.step(done, preview)

    def check(self) -> None:
        self._control.check()
