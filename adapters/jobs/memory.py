"""Jobs in this process's memory."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from core.domain.errors import JobConflict, UnknownJob
from core.domain.job import Job, JobId, JobState

_Place: TypeAlias = tuple[int, int]
"""Negative priority, then order of arrival: the smallest is next."""

_SLACK = 64


class MemoryJobStore:
    """A ``JobStore`` that ends with the process.

    Adding and taking cost O(log n). ``take`` without a timeout waits as long as it must; with 0 not at all.
    """

    def __init__(self) -> None:
        self._jobs: dict[JobId, Job] = {}
        self._arrival: dict[JobId, int] = {}
        self._counter = itertools.count()
        self._queued: dict[JobId, _Place] = {}
        # May hold places that are no longer valid: those that ``_queued`` does not confirm.
        self._heap: list[tuple[_Place, JobId]] = []
        self._changed = threading.Condition()

    def put(self, job: Job) -> None:
        with self._changed:
            if job.id in self._jobs:
                raise JobConflict(f"there is a job {job.id} already")
            if job.state is not JobState.QUEUED:
                raise JobConflict(f"job {job.id} is {job.state}; only a queued job can be added")
            self._arrival[job.id] = next(self._counter)
            self._keep(job)

    def take(self, now: Callable[[], datetime], timeout: float | None = None) -> Job | None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._queued, timeout):
                return None
            self._drop_stale()
            job = self._jobs[self._heap[0][1]].start(now())
            self._keep(job)
            return job

    def get(self, job_id: JobId) -> Job | None:
        with self._changed:
            return self._jobs.get(job_id)

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

    def count_queued(self) -> int:
        with self._changed:
            return len(self._queued)

    def position(self, job_id: JobId) -> int:
        with self._changed:
            mine = self._queued.get(job_id)
            return 0 if mine is None else sum(place < mine for place in self._queued.values())

    def remove(self, job_id: JobId) -> None:
        with self._changed:
            self._jobs.pop(job_id, None)
            self._arrival.pop(job_id, None)
            self._queued.pop(job_id, None)
            self._drop_stale()

    def _known(self, job_id: JobId) -> Job:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise UnknownJob(job_id) from None

    def _keep(self, job: Job) -> None:
        self._jobs[job.id] = job
        if job.state is JobState.QUEUED:
            self._enqueue(job)
        elif self._queued.pop(job.id, None) is not None:
            self._drop_stale()

    def _enqueue(self, job: Job) -> None:
        # A job that comes back keeps its order of arrival, so it does not wait again.
        place = (-job.priority, self._arrival[job.id])
        if self._queued.get(job.id) == place:
            return
        self._queued[job.id] = place
        heapq.heappush(self._heap, (place, job.id))
        self._changed.notify()

    def _drop_stale(self) -> None:
        while self._heap and self._queued.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if len(self._heap) > 2 * len(self._queued) + _SLACK:
            self._heap = [(place, job_id) for job_id, place in self._queued.items()]
            heapq.heapify(self._heap)
