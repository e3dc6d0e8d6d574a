"""A run in the child, as process_images sees it: what it does is told to the parent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from core.cancel import CancelToken
from core.domain.image import RasterImage

SIGN_OF_LIFE_SECONDS = 1.0
"""A run that looks often whether it should stop tells that it lives at most this often."""


class RunRelay:
    """The control of one run. ``tell`` sends a message about it."""

    def __init__(self, tell: Callable[..., None], seconds: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._seconds = seconds
        self._told = seconds()
        self._token = CancelToken()
        self._lock = threading.Lock()
        self._iteration = -1
        self._preview: Callable[[], RasterImage] | None = None

    def stage(self, name: str) -> None:
        self._send("stage", name=name)

    def plan(self, iterations: int, passes: int) -> None:
        self._send("plan", iterations=iterations, passes=passes)

    def begin_iteration(self, index: int, label: str) -> None:
        with self._lock:
            self._token.next_iteration()
            self._iteration = index
        self._send("iteration", index=index, label=label)

    def begin_pass(self, steps: int) -> None:
        self._send("pass", steps=steps)

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        self._preview = preview or self._preview
        self._send("step", done=done, preview=preview is not None)

    def check(self) -> None:
        if self._seconds() - self._told > SIGN_OF_LIFE_SECONDS:
            self._send("alive")
        self._token.check()

    @property
    def interrupted(self) -> bool:
        return self._token.interrupted

    def interrupt(self) -> None:
        self._token.interrupt()

    def skip(self, iteration: int) -> None:
        """Drop that iteration, unless it is over."""
        with self._lock:
            if iteration == self._iteration:
                self._token.skip()

    def preview(self) -> RasterImage | None:
        make = self._preview
        return make() if make is not None else None

    def _send(self, kind: str, /, **fields: Any) -> None:
        self._told = self._seconds()
        self._tell(kind, **fields)
