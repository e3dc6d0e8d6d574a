"""What is known of jobs while they run: their cancel tokens, how far they are, who waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.cancel import CancelToken
from core.domain.image import RasterImage
from core.domain.job import Job, JobId, JobState
from core.domain.progress import Progress

Preview = Callable[[], RasterImage]


class LiveRun:
    """One running job, seen from the worker (a ``RunWatch``) and from watchers. Safe from any thread."""

    def __init__(self, job: Job, seconds: Callable[[], float]) -> None:
        self.job = job
        self.token = CancelToken()
        self._seconds = seconds
        self._began = seconds()
        self._lock = threading.Lock()
        self._stage = "prepare"
        self._label = ""
        self._iteration = 0
        self._iterations = -1
        self._passes = 1
        self._pass = 0
        self._step = 0
        self._steps = job.request.steps
        self._sequence = 0
        self._preview: Preview | None = None

    def stage(self, name: str) -> None:
        self._change(_stage=name)

    def plan(self, iterations: int, passes: int) -> None:
        """``iterations`` batches of ``passes`` sampling passes each will be drawn."""
        self._change(_iterations=iterations * passes, _passes=passes)

    def begin_iteration(self, index: int, label: str) -> None:
        self.token.next_iteration()
        self._change(_iteration=index * self._passes, _label=label, _pass=0, _step=0)

    def begin_pass(self, steps: int) -> None:
        with self._lock:
            self._iteration += 1 if self._pass else 0
            self._pass += 1
            self._step, self._steps = 0, steps
            self._sequence += 1

    def step(self, done: int, preview: Preview | None = None) -> None:
        with self._lock:
            self._step = done
            self._preview = preview or self._preview
            self._sequence += 1

    def check(self) -> None:
        self.token.check()

    @property
    def interrupted(self) -> bool:
        return self.token.interrupted

    def preview(self) -> RasterImage | None:
        """What the picture looks like now, or None before the first step."""
        make = self._preview
        return make() if make is not None else None

    def progress(self) -> Progress:
        with self._lock:
            fraction = self._fraction()
            elapsed = self._seconds() - self._began
            return Progress(
                job_id=self.job.id,
                kind=self.job.request.kind.value,
                state=JobState.RUNNING,
                stage=self._stage,
                label=self._label,
                iteration=self._iteration,
                iterations=self._iterations,
                step=self._step,
                steps=self._steps,
                fraction=fraction,
                eta=elapsed / fraction - elapsed if fraction > 0 else None,
                started_at=self.job.started_at,
                interrupted=self.token.interrupted,
                skipped=self.token.skipped,
                sequence=self._sequence,
            )

    def _fraction(self) -> float:
        if self._iterations < 1:
            return 0.0
        within = self._step / self._steps if self._steps else 0.0
        return min(1.0, (self._iteration + within) / self._iterations)

    def _change(self, **fields: object) -> None:
        with self._lock:
            for name, value in fields.items():
                setattr(self, name, value)
            self._sequence += 1


class LiveJobs:
    """The running jobs of this process, the callbacks of those who wait, and the last progress there was."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._runs: dict[JobId, LiveRun] = {}
        self._waiting: dict[JobId, list[Callable[[Job], None]]] = {}
        self._doomed: set[JobId] = set()
        self.last = Progress()

    def open(self, job: Job) -> LiveRun:
        run = LiveRun(job, self._seconds)
        with self._lock:
            self._runs[job.id] = run
            if job.id in self._doomed:
                run.token.interrupt()
        return run

    def close(self, job_id: JobId) -> None:
        with self._lock:
            run = self._runs.pop(job_id, None)
            self._doomed.discard(job_id)
        if run is not None:
            self.last = run.progress()

    def get(self, job_id: JobId) -> LiveRun | None:
        with self._lock:
            return self._runs.get(job_id)

    def interrupt(self, job_id: JobId) -> None:
        """Stop a job that was taken from the store, even in the moment before its run is open here."""
        with self._lock:
            run = self._runs.get(job_id)
            if run is not None:
                run.token.interrupt()
            else:
                self._doomed.add(job_id)

    def spare(self, job_id: JobId) -> None:
        """Take an interrupt back that came too late for the job that it was meant for."""
        with self._lock:
            self._doomed.discard(job_id)

    def oldest(self) -> LiveRun | None:
        with self._lock:
            return next(iter(self._runs.values()), None)

    def add_callback(self, job_id: JobId, callback: Callable[[Job], None]) -> None:
        with self._lock:
            self._waiting.setdefault(job_id, []).append(callback)

    def take_callbacks(self, job_id: JobId) -> list[Callable[[Job], None]]:
        with self._lock:
            return self._waiting.pop(job_id, [])
