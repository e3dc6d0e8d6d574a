"""A run in the child, as the parent sees it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from adapters.worker.process.channel import Message
from core.cancel import CancelToken
from core.domain.errors import SerenaError, WorkerDied, revive
from core.domain.image import RasterImage
from core.domain.result import GenerationResult
from core.domain.serial import from_plain

POLL_SECONDS = 0.02
"""How often it is looked whether the run should stop: what a cancel takes longer than in one process."""

INTERRUPTED_SECONDS = 10.0
"""How long a run that was interrupted may be silent."""
SLOWER = 3.0
"""A run whose steps are slow may take so many times its longest silence so far: it does not hang."""


class WatchedRun(Protocol):
    """The live run that watchers see. What happens in the child is told to it."""

    @property
    def token(self) -> CancelToken: ...

    def stage(self, name: str) -> None: ...

    def plan(self, iterations: int, passes: int) -> None: ...

    def begin_iteration(self, index: int, label: str) -> None: ...

    def begin_pass(self, steps: int) -> None: ...

    def step(self, done: int, preview: Callable[[], RasterImage | None] | None = None) -> None: ...


class RemoteRun:
    """``hear`` is called by the thread that reads the channel, ``wait`` by the one that runs the job.

    :param send: sends a message about this run to the child.
    :param preview: asks the child for a picture of this run.
    """

    def __init__(
        self,
        watched: WatchedRun,
        send: Callable[..., None],
        preview: Callable[[], RasterImage | None],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watched = watched
        self._send = send
        self._preview = preview
        self._seconds = seconds
        self._heard = seconds()
        self._iteration = -1
        self._interrupted = self._heard
        self._longest = 0.0
        self._skips = self._interrupts = False
        self._ended = threading.Event()
        self._result: GenerationResult | None = None
        self._error: SerenaError | None = None

    def hear(self, message: Message) -> None:
        now = self._seconds()
        self._longest = max(self._longest, now - self._heard)
        self._heard = now
        watched = self._watched
        match message["is"]:
            case "stage":
                watched.stage(message["name"])
            case "plan":
                watched.plan(message["iterations"], message["passes"])
            case "iteration":
                watched.begin_iteration(message["index"], message["label"])
                self._iteration, self._skips = message["index"], False
            case "pass":
                watched.begin_pass(message["steps"])
            case "step":
                watched.step(message["done"], self._preview if message["preview"] else None)
            case "result":
                self._end(result=from_plain(GenerationResult, message["result"]))
            case "error":
                self._end(error=revive(message["kind"], message["message"]))
            case "lost":
                self._end(error=WorkerDied(message["reason"]))

    def lose(self, reason: str) -> None:
        """The child died, or makes no sense. What it said before counts."""
        self._end(error=WorkerDied(reason))

    def wait(self, patience: float, give_up: Callable[[str], None]) -> GenerationResult:
        """Pass interrupts and skips on until the run has ended. Raises what it ended with.

        :param patience: seconds without a sign of life after which ``give_up`` is called, with the reason.
            Once the run was interrupted they are fewer: who cancels a run that hangs does not wait for it.
        """
        while not self._ended.wait(POLL_SECONDS):
            self._pass_on()
            if self._interrupts:
                patience = min(patience, max(INTERRUPTED_SECONDS, SLOWER * self._longest))
            if self._seconds() - max(self._heard, self._interrupted) > patience:
                give_up(f"the worker gave no sign of life for {patience:g} seconds and was ended")
                self._ended.wait()
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def _pass_on(self) -> None:
        token = self._watched.token
        if token.interrupted and not self._interrupts:
            self._interrupts, self._interrupted = True, self._seconds()
            self._send("interrupt")
        if token.skipped and not self._skips:
            # The child knows whether that iteration is over, so that no other one is dropped.
            self._skips = True
            self._send("skip", iteration=self._iteration)

    def _end(self, **how: Any) -> None:
        if not self._ended.is_set():
            self._result, self._error = how.get("result"), how.get("error")
            self._ended.set()
