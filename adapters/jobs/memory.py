"""Jobs in this process's memory."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from adapters.jobs.places import may_take_place
from adapters.jobs.turns import Turns
from core.domain.errors import JobConflict, KeyReused, QueueFull, QueueTooLarge, UnknownJob
from core.domain.image import BlobRef
from core.domain.job import EVERY_JOB, Expired, Job, JobFilter, JobId, JobState
from core.ports.driven import NO_LIMITS, QueueLimits, Retention

REMEMBERED = 100_000
"""Ids of removed jobs that are told from unknown ones."""


class MemoryJobStore:
    """A ``JobStore`` that ends with the process.

    Adding and taking cost O(log n). ``take`` without a timeout waits as long as it must; with 0 not at all.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._jobs: dict[JobId, Job] = {}
        self._arrival: dict[JobId, int] = {}
        self._counter = itertools.count()
        self._counts = dict.fromkeys(JobState, 0)
        self._turns = Turns()
        self._running: dict[JobId, None] = {}
        self._owing: dict[JobId, datetime] = {}
        self._keys: dict[tuple[str | None, str], JobId] = {}
        self._expired: dict[JobId, Expired] = {}
        self._queued_bytes = 0
        self._changed = threading.Condition()

    def put(self, job: Job, limits: QueueLimits = NO_LIMITS, instead_of: Job | None = None) -> Job:
        with self._changed:
            if (earlier := self._of_key(job)) is not None:
                return earlier
            before = self._jobs.get(job.id)
            if not may_take_place(before, instead_of):
                raise JobConflict(f"there is a job {job.id} already")
            if job.state is not JobState.QUEUED:
                raise JobConflict(f"job {job.id} is {job.state}; only a queued job can be added")
            self._check(limits, job)
            if before is not None:
                self._forget(before)
            self._arrival[job.id] = next(self._counter)
            self._expired.pop(job.id, None)
            if job.key is not None:
                self._keys[job.owner, job.key] = job.id
            self._keep(job)
            return job

    def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._turns) > 0, timeout):
                return None
            job = start(self._jobs[self._turns.first()])
            self._turns.taken(job.id)
            self._keep(job)
            return job

    def get(self, job_id: JobId) -> Job | None:
        with self._changed:
            return self._jobs.get(job_id)

    def of_key(self, owner: str | None, key: str) -> Job | None:
        with self._changed:
            found = self._keys.get((owner, key))
            return None if found is None else self._jobs[found]

    def expired(self, job_id: JobId) -> Expired | None:
        with self._changed:
            return self._expired.get(job_id)

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        with self._changed:
            job = change(self._known(job_id))
            if job.id != job_id:
                raise JobConflict(f"job {job_id} cannot become job {job.id}")
            self._keep(job)
            return job

    def all(self) -> Sequence[Job]:
        with self._changed:
            return list(self._jobs.values())

    def select(self, which: JobFilter = EVERY_JOB) -> Sequence[Job]:
        with self._changed:
            return list(itertools.islice(self._selected(which), which.limit))

    def running(self) -> Sequence[Job]:
        with self._changed:
            return [self._jobs[job_id] for job_id in self._running]

    def due(self, now: datetime, limit: int = 100) -> Sequence[Job]:
        with self._changed:
            found = sorted((at, job_id) for job_id, at in self._owing.items() if at <= now)
            return [self._jobs[job_id] for _, job_id in found[:limit]]

    def surplus(self, keep: Retention, limit: int = 1000) -> Sequence[Job]:
        with self._changed:
            ended = [(at, self._arrival[job.id], job) for job in self._jobs.values() if (at := _end(job))]
        ended.sort(key=lambda one: one[:2], reverse=True)
        found = [job for job in _not_kept((job for *_, job in ended), keep) if job.due_at is None]
        return found[::-1][:limit]

    def count_queued(self, party: str | None = None) -> int:
        with self._changed:
            return len(self._turns) if party is None else self._turns.of_party(party)

    def counts(self) -> Mapping[JobState, int]:
        with self._changed:
            return dict(self._counts)

    def position(self, job_id: JobId) -> int:
        with self._changed:
            return self._turns.before(job_id)

    def remove(self, job: Job) -> Job | None:
        with self._changed:
            found = self._jobs.get(job.id)
            if found is None or not found.state.is_final or not found.is_same_as(job):
                return None
            self._forget(found)
            self._expired[job.id] = Expired(found.owner)
            if len(self._expired) > self._remembered:
                del self._expired[next(iter(self._expired))]
            return found

    def in_use(self, refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
        asked = set(refs)
        with self._changed:
            return frozenset(ref for job in self._jobs.values() for ref in job.blobs() if ref in asked)

    def close(self) -> None:
        """Nothing is held."""

    def _of_key(self, job: Job) -> Job | None:
        """The job of the same owner and key. Raises ``KeyReused`` when it is another request's."""
        earlier = None if job.key is None else self._keys.get((job.owner, job.key))
        if job.key is None or earlier is None:
            return None
        if self._jobs[earlier].digest != job.digest:
            raise KeyReused(job.key)
        return self._jobs[earlier]

    def _forget(self, job: Job) -> None:
        """A job that has ended: it waits in no line."""
        del self._jobs[job.id]
        self._counts[job.state] -= 1
        del self._arrival[job.id]
        self._turns.forget(job.id)
        self._owing.pop(job.id, None)
        if job.key is not None:
            del self._keys[job.owner, job.key]

    def _check(self, limits: QueueLimits, job: Job) -> None:
        length = len(self._turns)
        if limits.total is not None and length >= limits.total:
            raise QueueFull(limits.total, length)
        if limits.party is not None and self._turns.of_party(job.party) >= limits.party:
            raise QueueFull(limits.party, length)
        if limits.size is not None and limits.too_large(self._queued_bytes, job.input_size):
            raise QueueTooLarge(limits.size, length)

    def _selected(self, which: JobFilter) -> Iterator[Job]:
        newest: Iterator[Job] = reversed(self._jobs.values())
        if which.after is not None:
            newest = itertools.dropwhile(lambda job: job.id != which.after, newest)
            next(newest, None)
        return (job for job in newest if which.holds(job))

    def _known(self, job_id: JobId) -> Job:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise UnknownJob(job_id) from None

    def _keep(self, job: Job) -> None:
        before = self._jobs.get(job.id)
        if before is not None:
            self._counts[before.state] -= 1
            self._queued_bytes -= _waiting_bytes(before)
        self._counts[job.state] += 1
        self._queued_bytes += _waiting_bytes(job)
        self._jobs[job.id] = job
        if job.state is JobState.QUEUED:
            self._turns.enqueue(job, self._arrival[job.id])
            self._changed.notify()
        elif job.state.is_final:
            self._turns.forget(job.id)
        else:
            self._turns.leave(job.id)
        _mark(self._running, job.id, job.state is JobState.RUNNING)
        if job.due_at is not None and job.state.is_final:
            self._owing[job.id] = job.due_at
        else:
            self._owing.pop(job.id, None)


def _waiting_bytes(job: Job) -> int:
    return job.input_size if job.state is JobState.QUEUED else 0


def _mark(marked: dict[JobId, None], job_id: JobId, is_marked: bool) -> None:
    if is_marked:
        marked.setdefault(job_id)
    else:
        marked.pop(job_id, None)


def _end(job: Job) -> datetime | None:
    return job.finished_at if job.state.is_final else None


def _not_kept(newest_first: Iterable[Job], keep: Retention) -> Iterator[Job]:
    """Those that ran and those that never did are counted apart, so that the latter push out no pictures."""
    counts, size = {True: 0, False: 0}, 0
    for job in newest_first:
        ran = job.started_at is not None
        counts[ran] += 1
        size += job.size
        too_old = keep.since is not None and job.finished_at is not None and job.finished_at < keep.since
        too_many = keep.count is not None and counts[ran] > keep.count
        if too_old or too_many or (keep.size is not None and size > keep.size):
            yield job
