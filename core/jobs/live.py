"""What is known of jobs while they run: their cancel tokens and how far they are."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence

from core.cancel import CancelToken
from core.domain.image import RasterImage
from core.domain.job import Caller, Job, JobId, JobState
from core.domain.progress import Progress
from core.domain.steps import JobSteps
from core.jobs.events import JobNews
from core.ports.driving import JobEvents

Preview = Callable[[], RasterImage | None]
"""None: the run is in another process, which does not answer just now."""


class LiveRun:
    """One running job, seen from the worker (a ``RunWatch``) and from watchers. Safe from any thread.

    :ivar goes_back: it is stopped because the process ends, and waits for the next one.
    :ivar drawn: what is left to do is to store what came of it.
    """

    def __init__(self, job: Job, seconds: Callable[[], float], news: JobEvents | None = None) -> None:
        self.job = job
        self.token = CancelToken()
        self.goes_back = self.drawn = False
        self._seconds = seconds
        self._began = self._stepped = seconds()
        self._news = news or JobNews()
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
            self._stepped = self._seconds()
            self._sequence += 1

    def step(self, done: int, preview: Preview | None = None) -> None:
        now = self._seconds()
        with self._lock:
            taken, self._stepped = now - self._stepped, now
            self._step = done
            self._preview = preview or self._preview
            self._sequence += 1
        self._news.stepped(self.job, taken)

    def check(self) -> None:
        self.token.check()

    @property
    def interrupted(self) -> bool:
        return self.token.interrupted

    def put_back(self) -> None:
        """Stop it, and let it be run again from its start."""
        self.goes_back = True
        self.token.interrupt()

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

    def steps(self) -> JobSteps:
        """What other servers may know of it."""
        now = self.progress()
        return JobSteps(
            stage=now.stage,
            label=now.label,
            iteration=now.iteration,
            iterations=now.iterations,
            step=now.step,
            steps=now.steps,
            fraction=now.fraction,
            eta=now.eta,
            sequence=now.sequence,
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
    """The running jobs of this process, and the last progress there was."""

    def __init__(self, seconds: Callable[[], float], news: JobEvents | None = None) -> None:
        self._seconds = seconds
        self._news = news
        self._lock = threading.Condition()
        self._until = math.inf
        self._runs: dict[JobId, LiveRun] = {}
        self._doomed: set[tuple[JobId, str | None]] = set()
        self.last = Progress()

    def open(self, job: Job) -> LiveRun:
        run = LiveRun(job, self._seconds, self._news)
        with self._lock:
            self._runs[job.id] = run
            if (job.id, job.token) in self._doomed:
                self._doomed.discard((job.id, job.token))
                run.token.interrupt()
        return run

    def close(self, run: LiveRun) -> None:
        with self._lock:
            if self._runs.get(run.job.id) is not run:
                return
            del self._runs[run.job.id]
            self._lock.notify_all()
        self.last = run.progress()

    def drain(self, seconds: float) -> None:
        """Wait until no job runs here, for ``seconds`` at most. Of several who ask, the most impatient
        decides for all."""
        with self._lock:
            self._until = min(self._until, self._seconds() + seconds)
            self._lock.notify_all()
            while self._runs and (left := self._until - self._seconds()) > 0:
                self._lock.wait(left)

    def get(self, job_id: JobId) -> LiveRun | None:
        with self._lock:
            return self._runs.get(job_id)

    def all(self) -> Sequence[LiveRun]:
        """The oldest first."""
        with self._lock:
            return list(self._runs.values())

    def of(self, caller: Caller) -> LiveRun | None:
        """The oldest run of that caller, by the rules of ``ControlJobs.running``. Those that are being drawn
        come before those that are being stored."""
        jobs = {run.job.id: run for run in sorted(self.all(), key=lambda run: run.drawn)}
        job = pick([run.job for run in jobs.values()], caller)
        return None if job is None else jobs[job.id]

    def interrupt(self, job: Job) -> None:
        """Stop this run of the job, even in the moment before it is open here; never a later run."""
        with self._lock:
            run = self._runs.get(job.id)
            if run is not None and run.job.token == job.token:
                run.token.interrupt()
            else:
                self._doomed.add((job.id, job.token))

    def spare(self, job: Job) -> None:
        """Take an interrupt back that came too late for the run that it was meant for."""
        with self._lock:
            self._doomed.discard((job.id, job.token))


def pick(running: Iterable[Job], caller: Caller) -> Job | None:
    """The first of these jobs that a caller means who names none."""
    jobs = list(running)
    if caller.owner is not None:
        return next((job for job in jobs if job.owner == caller.owner), None)
    mine = next((job for job in jobs if caller.client is not None and job.client == caller.client), None)
    return mine if mine is not None or caller.named else next(iter(jobs), None)
