"""Which queued job is next: the highest priority, then the parties in turn, then the oldest.

A job gets its turn when it comes: one more than the clock of its priority, or than the last turn of its
party that still waits. The clock is the largest turn that was taken. So a party that comes late stands where
the others are now, and one that sends many takes one place in each round.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import NamedTuple, TypeAlias

from core.domain.job import Job, JobId

_Line: TypeAlias = tuple[int, str]
"""Jobs of one priority and party."""

_SLACK = 64


class _Place(NamedTuple):
    """The smallest is next."""

    negative_priority: int
    turn: int
    arrival: int


class Turns:
    """The order of the queued jobs of one store. Adding and taking cost O(log n). Not locked."""

    def __init__(self) -> None:
        self._queued: dict[JobId, _Place] = {}
        # Places of queued jobs and of those that may come back.
        self._known: dict[JobId, tuple[_Line, _Place]] = {}
        # May hold places that are no longer valid: those that ``_queued`` does not confirm.
        self._heap: list[tuple[_Place, JobId]] = []
        self._clocks: dict[int, int] = {}
        # The queued jobs of a line, in the order of their turns.
        self._lines: dict[_Line, dict[JobId, int]] = {}
        self._parties: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._queued)

    def of_party(self, party: str) -> int:
        return self._parties[party]

    def before(self, job_id: JobId) -> int:
        """How many are before it; 0 for one that is not queued. O(n)."""
        mine = self._queued.get(job_id)
        return 0 if mine is None else sum(place < mine for place in self._queued.values())

    def first(self) -> JobId:
        """The next one. There must be one."""
        return self._heap[0][1]

    def taken(self, job_id: JobId) -> None:
        """The clock of its priority goes on to its turn."""
        (priority, _), place = self._known[job_id]
        self._clocks[priority] = max(self._clocks.get(priority, 0), place.turn)

    def enqueue(self, job: Job, arrival: int) -> None:
        """Add a job. One that is known already, or comes back, keeps its place unless its line changed."""
        line = (job.priority, job.party)
        known_line, place = self._known.get(job.id, (None, None))
        if known_line != line or place is None:
            self.leave(job.id)
            place = _Place(-job.priority, self._next_turn(line), arrival)
            self._known[job.id] = (line, place)
        if job.id not in self._queued:
            self._queued[job.id] = place
            self._parties[job.party] += 1
            self._stand_in_line(line, job.id, place.turn)
            heapq.heappush(self._heap, (place, job.id))

    def leave(self, job_id: JobId) -> None:
        """It waits no longer, but may come back."""
        if self._queued.pop(job_id, None) is None:
            return
        line, _ = self._known[job_id]
        jobs = self._lines[line]
        del jobs[job_id]
        if not jobs:
            del self._lines[line]
        self._parties[line[1]] -= 1
        if not self._parties[line[1]]:
            del self._parties[line[1]]
        self._drop_stale()

    def forget(self, job_id: JobId) -> None:
        """It never comes back."""
        self.leave(job_id)
        self._known.pop(job_id, None)

    def _next_turn(self, line: _Line) -> int:
        jobs = self._lines.get(line)
        last = jobs[next(reversed(jobs))] if jobs else 0
        return max(self._clocks.get(line[0], 0), last) + 1

    def _stand_in_line(self, line: _Line, job_id: JobId, turn: int) -> None:
        jobs = self._lines.setdefault(line, {})
        came_back = bool(jobs) and jobs[next(reversed(jobs))] > turn
        jobs[job_id] = turn
        if came_back:
            self._lines[line] = dict(sorted(jobs.items(), key=lambda one: one[1]))

    def _drop_stale(self) -> None:
        while self._heap and self._queued.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if len(self._heap) > 2 * len(self._queued) + _SLACK:
            self._heap = [(place, job_id) for job_id, place in self._queued.items()]
            heapq.heapify(self._heap)
