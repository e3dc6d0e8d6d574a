"""Keeps jobs alive and moving: leases, lost workers, what is due, what is surplus."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from core.domain.errors import JobConflict, LeaseLost, NotKept, StorageError, UnknownJob
from core.domain.job import Job
from core.jobs.ending import Endings
from core.jobs.live import LiveJobs, LiveRun
from core.jobs.publishing import Publisher
from core.jobs.retention import Retention
from core.jobs.rules import JobRules
from core.jobs.waiters import Waiters
from core.ports.driven import Clock, JobStore, Processes

log = logging.getLogger("serena.jobs")

SWEEP_SECONDS = 60.0


class JobKeeper:
    """``KeepJobs``. One thread calls :meth:`tick` and others :meth:`publish_due`, about once a second."""

    def __init__(
        self,
        *,
        store: JobStore,
        live: LiveJobs,
        waiters: Waiters,
        endings: Endings,
        publisher: Publisher,
        retention: Retention,
        processes: Processes,
        clock: Clock,
        rules: JobRules,
    ) -> None:
        self._store = store
        self._live = live
        self._waiters = waiters
        self._endings = endings
        self._publisher = publisher
        self._retention = retention
        self._processes = processes
        self._clock = clock
        self._rules = rules
        self._swept: float | None = None
        # The leases of others, with the moment in which they were first seen as they are.
        self._leases: dict[tuple[str, datetime], float] = {}

    def tick(self) -> None:
        """One round. What a disk refuses is logged and tried again in the next."""
        for part in (self._mind_runs, self._publisher.hold, self._tell, self._sweep):
            _guarded(part)

    def publish_due(self) -> None:
        """See to what ended jobs owe. A slow disk or receiver holds this up, but never :meth:`tick`."""
        _guarded(self._publish)

    def recover(self) -> None:
        """Put back what ran in processes that have died, before anything else is taken."""
        _guarded(self._mind_runs)

    def _mind_runs(self) -> None:
        here = {run.job.token: run for run in self._live.all()}
        running = self._store.running()
        for job in running:
            run = self._live.get(job.id)
            if run is not None and run.job.token == job.token:
                self._mind(job, run)
            elif self._is_lost(job):
                self._recover(job)
        for token in here.keys() - {job.token for job in running}:
            here[token].token.interrupt()  # another worker has the job: this one draws in vain
        self._forget_leases(running)

    def _mind(self, job: Job, run: LiveRun) -> None:
        if job.stop_requested:
            run.token.interrupt()
        now, lease = self._clock.now(), job.lease
        if lease is None:
            return
        is_due = lease.until - now < self._rules.lease * 2 / 3
        steps = run.steps() if self._processes.has_company() else job.steps

        def change(found: Job) -> Job:
            kept = found.renew(lease.token, now + self._rules.lease) if is_due else found
            return kept.note(lease.token, steps) if steps is not None else kept

        if is_due or steps != job.steps:
            with suppress(LeaseLost, UnknownJob):
                self._store.update(job.id, change)

    def _is_lost(self, job: Job) -> bool:
        """Whether nobody runs it any more: its process has died, or it has said nothing for a whole lease.

        Silence is measured by the wall clock, and by this process's own for the case that the former jumps
        back.
        """
        lease = job.lease
        if lease is None or (lease.worker != self._processes.me and self._processes.has_died(lease.worker)):
            return True
        seen = self._leases.setdefault((lease.token, lease.until), self._clock.seconds())
        silent = self._clock.seconds() - seen >= self._rules.lease.total_seconds()
        return silent or lease.until <= self._clock.now()

    def _recover(self, job: Job) -> None:
        log.warning("job %s lost its worker; it goes on", job.id)

        def change(found: Job) -> Job:
            if found.stop_requested:
                return found.cancel(self._clock.now(), None, job.token)
            return found.requeue(job.token, server_died=True)

        with suppress(JobConflict, UnknownJob):
            self._endings.update(job.id, change)

    def _forget_leases(self, running: Sequence[Job]) -> None:
        """Keep the moments of leases that still stand."""
        standing = {(job.lease.token, job.lease.until) for job in running if job.lease is not None}
        self._leases = {lease: seen for lease, seen in self._leases.items() if lease in standing}

    def _tell(self) -> None:
        """Those who wait here for what ended in another process."""
        for job_id in self._waiters.ids():
            if self._live.get(job_id) is None:
                self._endings.look(job_id)

    def _publish(self) -> None:
        for job in self._store.due(self._clock.now()):
            self._publisher.see_to(job)

    def _sweep(self) -> None:
        now = self._clock.seconds()
        if self._swept is not None and now - self._swept < SWEEP_SECONDS:
            return
        self._swept = now
        self._publisher.hurry()
        self._retention.sweep()
        self._retention.sweep_blobs()


def _guarded(part: Callable[[], None]) -> None:
    try:
        part()
    except NotKept as error:
        log.debug("jobs are not looked after for now: %s", error)  # which was told as an error once
    except StorageError as error:
        log.error("jobs could not be looked after: %s", error)
