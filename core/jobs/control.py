"""Watching and stopping jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import Any

from core.domain.errors import ExpiredJob, JobConflict, UnknownJob
from core.domain.image import ImageFormat
from core.domain.job import ANYBODY, EVERY_JOB, Caller, Job, JobFilter, JobId, JobState
from core.domain.progress import Progress
from core.domain.steps import JobSteps
from core.jobs.ending import Endings
from core.jobs.events import JobNews
from core.jobs.live import LiveJobs, LiveRun, pick
from core.jobs.outage import Hear, Outages
from core.jobs.retention import Retention
from core.jobs.rules import JobRules
from core.jobs.waiters import Waiters
from core.ports.driven import BlobStore, Clock, ImageCodec, JobStore, Processes
from core.ports.driving import JobEvents, QueueState

MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTools:
    """What the services of jobs work with."""

    store: JobStore
    blobs: BlobStore
    codec: ImageCodec
    live: LiveJobs
    waiters: Waiters
    endings: Endings
    retention: Retention
    processes: Processes
    clock: Clock
    rules: JobRules
    preview_format: Callable[[], ImageFormat | None]
    news: JobEvents = field(default_factory=JobNews)
    outage: Outages = field(default_factory=Outages)


class JobControl:
    """``ControlJobs``, except for what queues a job."""

    def __init__(self, tools: JobTools) -> None:
        self._tools = tools
        self._store = tools.store
        self._live = tools.live
        self._draining = False

    @property
    def is_draining(self) -> bool:
        return self._draining

    def get(self, job_id: JobId) -> Job:
        job = self._store.get(job_id)
        if job is None:
            raise self._missing(job_id)
        return job

    def jobs(self, which: JobFilter = EVERY_JOB) -> Sequence[Job]:
        return self._store.select(which)

    def running(self, caller: Caller = ANYBODY) -> Job | None:
        run = self._live.of(caller)
        return run.job if run is not None else pick(self._store.running(), caller)

    def progress(
        self, job_id: JobId | None = None, *, caller: Caller = ANYBODY, preview: bool = False
    ) -> Progress:
        run = self._live.of(caller) if job_id is None else self._live.get(job_id)
        if run is not None:
            return replace(run.progress(), preview=self._encoded_preview(run) if preview else None)
        if job_id is not None:
            return self._at_rest(self.get(job_id))
        if (elsewhere := self._elsewhere(caller)) is not None:
            return self._at_rest(elsewhere)
        if caller.owner is not None or caller.named:
            return Progress()
        return replace(self._live.last, state=None, stage="", label="")

    def interrupt(self, job_id: JobId | None = None, *, caller: Caller = ANYBODY) -> None:
        if job_id is not None:
            self._stop(job_id, self._stopped)
        elif (job := self.running(caller)) is not None:
            token = job.token
            with suppress(UnknownJob):
                self._stop(job.id, lambda found: _stopped_run(found, token))

    def skip(self, job_id: JobId | None = None, *, caller: Caller = ANYBODY) -> None:
        run = self._live.of(caller) if job_id is None else self._live.get(job_id)
        if run is not None:
            run.token.skip()

    def abandon(self, job_id: JobId) -> None:
        job = self._store.get(job_id)
        if job is not None and not job.detached and not self._tools.waiters.count(job_id):
            with suppress(UnknownJob):
                self.interrupt(job_id)

    def purge(self, job_id: JobId) -> None:
        job = self.get(job_id)
        if not job.state.is_final:
            raise JobConflict(f"job {job_id} is {job.state}; only a job that has ended can be purged")
        if not self._tools.retention.forget(job):
            raise self._missing(job_id)  # somebody else was faster

    def queue(self) -> QueueState:
        return QueueState(
            counts=self._store.counts(),
            limit=self._tools.rules.limits.total,
            draining=self._draining,
            outage=self._tools.outage.reason,
        )

    def ahead(self, job_id: JobId) -> int | None:
        if self._live.get(job_id) is not None:
            return 0
        waiting = self._store.count_queued()
        if waiting > MOST_COUNTED:
            return None
        return self._store.position(job_id) if waiting else 0

    def when_unable(self, callback: Hear) -> Callable[[], None]:
        return self._tools.outage.listen(callback)

    def drain(self, seconds: float = 0.0) -> None:
        """Take no more jobs, neither from callers nor from the queue. Those that run may go on for so long,
        then they are stopped: where jobs last, they wait for the next process."""
        self._draining = True
        self._live.drain(seconds)
        if self._tools.rules.lasting:
            for run in self._live.all():
                run.put_back()

    def close(self) -> None:
        """Stop what runs. Where jobs do not last, all that have not ended are cancelled, with the pictures
        that exist."""
        self.drain()
        if self._tools.rules.lasting:
            return
        waiting = JobFilter(states=frozenset((JobState.QUEUED, JobState.RUNNING)))
        for job in self._store.select(waiting):
            with suppress(UnknownJob):
                self.interrupt(job.id)

    def _missing(self, job_id: JobId) -> UnknownJob:
        gone = self._store.expired(job_id)
        return UnknownJob(job_id) if gone is None else ExpiredJob(job_id, gone.owner)

    def _stop(self, job_id: JobId, change: Callable[[Job], Job]) -> None:
        try:
            job = self._tools.endings.update(job_id, change)
        except JobConflict:
            return  # it has ended, or another run has begun
        except UnknownJob:
            raise self._missing(job_id) from None
        if job.state is not JobState.RUNNING or not self._runs_here(job):
            return
        self._live.interrupt(job)
        now = self._store.get(job_id)
        if now is None or now.state is not JobState.RUNNING or now.token != job.token:
            self._live.spare(job)

    def _stopped(self, job: Job) -> Job:
        return job.cancel(self._tools.clock.now()) if job.state is JobState.QUEUED else job.request_stop()

    def _runs_here(self, job: Job) -> bool:
        return job.lease is None or job.lease.worker == self._tools.processes.me

    def _elsewhere(self, caller: Caller) -> Job | None:
        """The caller's running job on another server of the same queue, where there is one."""
        return pick(self._store.running(), caller) if self._tools.processes.has_company() else None

    def _at_rest(self, job: Job) -> Progress:
        """Of a job that does not run here."""
        told = Progress(
            job_id=job.id,
            kind=job.request.kind.value,
            state=job.state,
            fraction=1.0 if job.state is JobState.SUCCEEDED else 0.0,
            position=self._store.position(job.id),
            started_at=job.started_at,
            interrupted=job.state is JobState.RUNNING and job.stop_requested,
        )
        return told if job.steps is None else replace(told, **_fields(job.steps))

    def _encoded_preview(self, run: LiveRun) -> bytes | None:
        wanted = self._tools.preview_format()
        image = run.preview() if wanted is not None else None
        return None if wanted is None or image is None else self._tools.codec.encode(image, wanted, None)


def _fields(steps: JobSteps) -> dict[str, Any]:
    return {one.name: getattr(steps, one.name) for one in fields(steps)}


def _stopped_run(job: Job, token: str | None) -> Job:
    """Of that run only: another one of the same id was not meant."""
    if job.token != token:
        raise JobConflict(f"job {job.id} does not run under that lease any more")
    return job.request_stop()
