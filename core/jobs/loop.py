"""Takes jobs and runs them. The only caller of ``process_images``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

from core.domain.errors import (
    UNFORESEEN,
    BackendError,
    Interrupted,
    LeaseLost,
    NotKept,
    NoWorker,
    SerenaError,
    StorageError,
    UnknownJob,
    WorkerDied,
)
from core.domain.job import Job, JobError, JobId, Lease
from core.domain.result import GenerationResult, Outcome
from core.jobs.context import working_on
from core.jobs.ending import Endings
from core.jobs.events import JobNews
from core.jobs.live import LiveJobs, LiveRun
from core.jobs.outage import Outages
from core.jobs.retention import Retention
from core.jobs.rules import JobRules
from core.jobs.slots import Slot, Slots
from core.ports.driven import Clock, JobStore, Processes
from core.ports.driving import JobEvents

log = logging.getLogger("serena.jobs")

MANY = 1000
_STAYS = "job %s stays as it is until its lease ends: %s"

ProcessImages: TypeAlias = Callable[[Job, LiveRun], GenerationResult]
Change: TypeAlias = Callable[[Job], Job]


class JobLoop:
    """``RunJobs``. Any number of threads may call :meth:`run_next`; each runs one job at a time.

    A result is committed only while the job's lease is held; one that comes too late is dropped.

    :param is_draining: no more jobs are taken while this is true.
    :param outage: nor while there is one, where jobs are patient.
    :param slots: nor while all are in use; without them each thread draws.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        endings: Endings,
        retention: Retention,
        live: LiveJobs,
        process: ProcessImages,
        processes: Processes,
        clock: Clock,
        new_id: Callable[[], str],
        rules: JobRules,
        is_draining: Callable[[], bool],
        outage: Outages | None = None,
        slots: Slots | None = None,
        news: JobEvents | None = None,
    ) -> None:
        self._store = store
        self._endings = endings
        self._outage = outage or Outages()
        self._slots = slots or Slots(MANY)
        self._retention = retention
        self._live = live
        self._process = process
        self._processes = processes
        self._clock = clock
        self._new_id = new_id
        self._rules = rules
        self._is_draining = is_draining
        self._news = news or JobNews()

    def run_next(self, timeout: float | None = None) -> JobId | None:
        if self._must_wait():
            return None
        slot = self._slots.get(timeout)
        if slot is None:
            return None
        try:
            return self._run_next(slot, timeout)
        finally:
            slot.free()

    def _run_next(self, slot: Slot, timeout: float | None) -> JobId | None:
        try:
            job = self._store.take(self._started, timeout)
        except (_NotNowError, NotKept):  # the latter was told as an outage
            return None
        if job is None:
            return None
        run = self._live.open(job)
        with working_on(job.id):
            self._news.started(job)
            try:
                self._run(job, run, slot)
            finally:
                self._live.close(run)
        return job.id

    def _must_wait(self) -> bool:
        return self._is_draining() or (self._rules.patient and self._outage.reason is not None)

    def _started(self, queued: Job) -> Job:
        if self._must_wait():  # it came while this thread waited for a job
            raise _NotNowError
        now = self._clock.now()
        lease = Lease(token=self._new_id(), worker=self._processes.me, until=now + self._rules.lease)
        return queued.start(now, lease)

    def _run(self, job: Job, run: LiveRun, slot: Slot) -> None:
        if self._is_draining():  # it came while the process began to end
            run.put_back()
        result: GenerationResult | None = None
        try:
            if run.goes_back:
                raise Interrupted
            result = self._process(job, run)
            change = self._with_result(job, run, result)
        except Interrupted:
            change = self._stopped(job, run)
        except WorkerDied as error:
            change = self._survived(job, describe(error))
        except NoWorker as error:
            change = self._undrawn(job, describe(error))
        except (Exception, SystemExit) as error:
            change = self._failed(job, describe(error))
        run.drawn = True
        slot.free()
        ended = self._commit(run, change)
        if result is not None and (ended is None or ended.result is None):
            self._drop(result)

    def _commit(self, run: LiveRun, change: Change) -> Job | None:
        """The job as it is now; None when it is no longer this worker's."""
        try:
            return self._update(run, change)
        except (LeaseLost, UnknownJob) as error:
            log.warning("a result is dropped: %s", error)
        except NotKept as error:  # it may be kept all the same; if not, it is drawn again
            log.error(_STAYS, run.job.id, error)
        except StorageError as error:
            log.error("the result of job %s cannot be kept: %s", run.job.id, error)
            return self._commit_failure(run, describe(error))
        except Exception as error:
            if not self._still_holds(run.job):
                raise
            # Nothing was written, and nothing would be the next time.
            return self._commit_failure(run, describe(error))
        return None

    def _still_holds(self, job: Job) -> bool:
        found = self._store.get(job.id)
        return found is not None and found.token == job.token

    def _commit_failure(self, run: LiveRun, reason: JobError) -> Job | None:
        """A failure takes less room than a result. Where even that finds none, the lease runs out."""
        try:
            return self._update(run, self._failed(run.job, reason))
        except SerenaError as error:
            log.error(_STAYS, run.job.id, error)
        return None

    def _update(self, run: LiveRun, change: Change) -> Job:
        return self._endings.update(run.job.id, change, lambda: self._live.close(run))

    def _with_result(self, job: Job, run: LiveRun, result: GenerationResult) -> Change:
        if result.receipt.outcome is not Outcome.INTERRUPTED:
            return lambda found: found.succeed(result, self._clock.now(), job.token)
        return self._stopped(job, run, result)

    def _stopped(self, job: Job, run: LiveRun, result: GenerationResult | None = None) -> Change:
        def change(found: Job) -> Job:
            if run.goes_back and not found.stop_requested:
                return found.requeue(job.token, server_died=True)
            return found.cancel(self._clock.now(), result, job.token)

        return change

    def _survived(self, job: Job, reason: JobError) -> Change:
        """The process that drew it died: again, unless it was told to stop or has cost too many."""

        def change(found: Job) -> Job:
            if found.stop_requested:
                return found.cancel(self._clock.now(), None, job.token)
            if found.blame < self._rules.max_attempts:
                return found.requeue(job.token)
            tried = JobError(reason.kind, f"{reason.message} ({found.blame} attempts)")
            return found.fail(tried, self._clock.now(), job.token)

        return change

    def _undrawn(self, job: Job, reason: JobError) -> Change:
        """Nothing could draw it, for which it is not to blame: it waits until something can."""
        if not self._rules.patient:
            return self._failed(job, reason)

        def change(found: Job) -> Job:
            if found.stop_requested:
                return found.cancel(self._clock.now(), None, job.token)
            return found.requeue(job.token, server_died=True)

        return change

    def _failed(self, job: Job, reason: JobError) -> Change:
        return lambda found: found.fail(reason, self._clock.now(), job.token)

    def _drop(self, result: GenerationResult) -> None:
        self._retention.release(image.blob for image in result.images)
        self._retention.release(ref for order in result.files for ref in order.blobs())


class _NotNowError(Exception):
    """No job is to be taken any more."""


def describe(error: BaseException) -> JobError:
    """The error for the job's record. What is none of ours is logged whole and told in one sentence."""
    if isinstance(error, SerenaError):
        return JobError(type(error).__name__, str(error))
    log.error("a run failed unexpectedly", exc_info=error)
    return JobError(BackendError.__name__, UNFORESEEN)
