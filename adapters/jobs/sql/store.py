"""Jobs in a database."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from adapters.jobs.sql import operations, queries
from adapters.jobs.sql.bell import Bell
from adapters.jobs.sql.database import Database
from adapters.jobs.sql.rows import new_values
from adapters.jobs.sql.writer import Writer
from core.domain.errors import JobConflict
from core.domain.image import BlobRef
from core.domain.job import EVERY_JOB, Expired, Job, JobFilter, JobId, JobState
from core.ports.driven import NO_LIMITS, QueueLimits, Retention

_MICROSECONDS: Final = 1_000_000


class Listener(Protocol):
    """Rings the bell when another process has put a job."""

    def stop(self) -> None: ...


class SqlJobStore:
    """A ``JobStore`` that outlives its process and that several processes may share.

    Adding and taking cost O(log n). What returned is on the disk. ``change`` of ``update`` and ``start`` of
    ``take`` run inside the transaction: they must be quick, and must not call the store.

    :param listen: how to hear of jobs that other processes put; without it takers look by themselves.
    """

    def __init__(
        self,
        database: Database,
        *,
        patience: float,
        listen: Callable[[Bell], Listener] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._bell = Bell(patience)
        self._writer = Writer(database, self._bell.ring)
        self._listener = listen(self._bell) if listen else None
        self._now = now
        self._is_closed = False

    def put(self, job: Job, limits: QueueLimits = NO_LIMITS, instead_of: Job | None = None) -> Job:
        if job.state is not JobState.QUEUED:
            raise JobConflict(f"job {job.id} is {job.state}; only a queued job can be added")
        values = new_values(job)
        return self._writer.run(lambda session: operations.put(session, job, values, limits, instead_of))

    def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._is_closed:
            rings = self._bell.rings
            job = self._take_now(start, rings) if self._bell.is_worth_a_look() else None
            left = None if deadline is None else deadline - time.monotonic()
            if job is not None or (left is not None and left <= 0):
                return job
            self._bell.wait(rings, left)
        return None

    def get(self, job_id: JobId) -> Job | None:
        return self._database.read(lambda session: queries.get(session, job_id))

    def of_key(self, owner: str | None, key: str) -> Job | None:
        found = self._database.read(lambda session: queries.of_key(session, owner, key))
        # The id will be given out, and who only reads may see a job that is not on the disk yet.
        return found and self._writer.run(lambda session: queries.of_key(session, owner, key))

    def expired(self, job_id: JobId) -> Expired | None:
        return self._database.read(lambda session: queries.expired(session, job_id))

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        return self._writer.run(lambda session: operations.update(session, job_id, change))

    def all(self) -> Sequence[Job]:
        return self._database.read(lambda session: queries.all_jobs(session))

    def select(self, which: JobFilter = EVERY_JOB) -> Sequence[Job]:
        return self._database.read(lambda session: queries.select(session, which))

    def running(self) -> Sequence[Job]:
        return self._database.read(lambda session: queries.running(session))

    def due(self, now: datetime, limit: int = 100) -> Sequence[Job]:
        return self._database.read(lambda session: queries.due(session, now, limit))

    def surplus(self, keep: Retention, limit: int = 1000) -> Sequence[Job]:
        return self._database.read(lambda session: queries.surplus(session, keep, limit))

    def count_queued(self, party: str | None = None) -> int:
        return self._database.read(lambda session: queries.count_queued(session, party))

    def counts(self) -> Mapping[JobState, int]:
        return self._database.read(lambda session: queries.counts(session))

    def position(self, job_id: JobId) -> int:
        return self._database.read(lambda session: queries.position(session, job_id))

    def remove(self, job: Job) -> Job | None:
        now = int(self._now() * _MICROSECONDS)
        return self._writer.run(lambda session: operations.remove(session, job, now))

    def in_use(self, refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
        return self._database.read(lambda session: queries.in_use(session, refs))

    def close(self) -> None:
        """Those that wait for a job get none; what is being written is written to its end."""
        self._is_closed = True
        self._bell.ring()
        if self._listener is not None:
            self._listener.stop()
        self._writer.close()
        self._database.close()

    def _take_now(self, start: Callable[[Job], Job], rings: int) -> Job | None:
        # The look is free; a transaction that writes is not.
        is_there = self._database.read(queries.has_queued)
        job = self._writer.run(partial(operations.take, start=start), lasting=False) if is_there else None
        if job is None:
            self._bell.found_nothing(rings)
        return job
