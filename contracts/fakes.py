"""A backend that keeps a ledger, and a plugin that keeps a journal: together they show who drew what."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Sequence

from core.domain.errors import Interrupted
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.drafts import RequestDraft, ResultDraft
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, PreparedRun
from plugins.hookspecs import hookimpl

PATIENCE = 20.0
"""Seconds after which a run that nobody interrupts gives up: a broken door fails and does not hang."""


class LedgerBackend:
    """Draws flat colours that follow from prompt, seed and inputs, and notes each run that it was handed.

    :ivar seen: run ids, one for each batch.
    :ivar drawing: set while a run is in progress.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.drawing = threading.Event()
        self._waits = False
        self._error: Exception | None = None

    def wait_for_interrupt(self) -> None:
        """From now on a run ends only when it is told to stop."""
        self._waits = True

    def fail_with(self, error: Exception) -> None:
        """From now on every run raises ``error``."""
        self._error = error

    def describe(self) -> BackendInfo:
        return BackendInfo(name="ledger", device="cpu", max_runs=1, infotext={})

    def load(self, model: ModelRef) -> None:
        """Every model is ready."""

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        self.seen.append(run.run_id)
        if self._error is not None:
            raise self._error
        self.drawing.set()
        try:
            self._steps(run.request.steps, watch)
        except Interrupted:
            pass
        finally:
            self.drawing.clear()
        return [self._picture(run, batch, i) for i in range(len(batch.seeds))]

    def close(self) -> None:
        """Nothing is held."""

    def _steps(self, steps: int, watch: RunWatch) -> None:
        watch.begin_pass(steps)
        for done in range(1, steps + 1):
            watch.check()
            watch.step(done)
        if self._waits:
            self._wait(watch)

    def _wait(self, watch: RunWatch) -> None:
        given_up, pause = threading.Event(), 0.01
        for _ in range(int(PATIENCE / pause)):
            watch.check()
            given_up.wait(pause)
        raise TimeoutError(f"nobody interrupted the run within {PATIENCE} s")

    def _picture(self, run: PreparedRun, batch: Batch, index: int) -> RasterImage:
        told = (batch.prompts[index], batch.negative_prompts[index], batch.seeds[index], run.request.steps)
        digest = hashlib.sha256(repr(told).encode())
        for image in run.init.images if run.init else ():
            digest.update(image.pixels)
        width, height = run.request.width, run.request.height
        rows = (digest.digest()[3 * (y % 8) :][:3] * width for y in range(height))
        return RasterImage(width, height, "RGB", b"".join(rows))


class JournalPlugin:
    """Adds a word to every prompt and notes the runs that passed each hook.

    :ivar word: nobody can know it who was not handed the prompt that left the runner's first stage.
    """

    def __init__(self, word: str | None = None) -> None:
        self.word = word or f"word{secrets.token_hex(6)}"
        self.prepared: list[str] = []
        self.finalized: list[str] = []
        self.failed: list[str] = []

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        self.prepared.append(draft.run_id)
        draft.prompt = f"{draft.prompt} {self.word}"

    @hookimpl
    def serena_finalize(self, draft: ResultDraft) -> None:
        self.finalized.append(draft.run_id)

    @hookimpl
    def serena_failed(self, run_id: str, error: BaseException) -> None:
        self.failed.append(run_id)
