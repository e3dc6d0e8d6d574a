"""Takes jobs and runs them. The only caller of ``process_images``."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.domain.errors import UNFORESEEN, BackendError, Interrupted, SerenaError
from core.domain.job import Job, JobError, JobId
from core.domain.result import GenerationResult, Outcome
from core.jobs.live import LiveJobs, LiveRun
from core.jobs.service import JobService
from core.ports.driven import Clock, JobStore

log = logging.getLogger("serena.jobs")

ProcessImages = Callable[[Job, LiveRun], GenerationResult]


class JobLoop:
    """``RunJobs``. Any number of threads may call :meth:`run_next`; each runs one job at a time."""

    def __init__(
        self, *, store: JobStore, service: JobService, live: LiveJobs, process: ProcessImages, clock: Clock
    ) -> None:
        self._store = store
        self._service = service
        self._live = live
        self._process = process
        self._clock = clock

    def run_next(self, timeout: float | None = None) -> JobId | None:
        job = self._store.take(self._clock.now, timeout)
        if job is None:
            return None
        run = self._live.open(job)
        try:
            ended = self._run(job, run)
        finally:
            self._live.close(job.id)
        self._service.ended(ended)
        return job.id

    def _run(self, job: Job, run: LiveRun) -> Job:
        try:
            result = self._process(job, run)
        except Interrupted:
            return self._store.update(job.id, lambda j: j.cancel(self._clock.now()))
        except (Exception, SystemExit) as error:
            reason = describe(error)
            return self._store.update(job.id, lambda j: j.fail(reason, self._clock.now()))
        if result.receipt.outcome is Outcome.INTERRUPTED:
            return self._store.update(job.id, lambda j: j.cancel(self._clock.now(), result))
        return self._store.update(job.id, lambda j: j.succeed(result, self._clock.now()))


def describe(error: BaseException) -> JobError:
    """The error for the job's record. What is none of ours is logged whole and told in one sentence."""
    if isinstance(error, SerenaError):
        return JobError(type(error).__name__, str(error))
    log.error("a run failed unexpectedly", exc_info=error)
    return JobError(BackendError.__name__, UNFORESEEN)
