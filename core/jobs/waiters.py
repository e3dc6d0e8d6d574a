"""Who waits in this process for the end of which job, and which jobs are just ending here."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from core.domain.job import Job, JobId

log = logging.getLogger("serena.jobs")

Hear: TypeAlias = Callable[[Job], None]


class Waiters:
    """Callbacks by job. Safe from any thread; none is called under the lock.

    A job that is marked is about to end here: whoever marked it tells those who wait, once everything that
    they may want is there. Until then its id is not free.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[JobId, list[Hear]] = {}
        self._marks: Counter[JobId] = Counter()

    def add(self, job_id: JobId, hear: Hear) -> None:
        with self._lock:
            self._waiting.setdefault(job_id, []).append(hear)

    def discard(self, job_id: JobId, hear: Hear) -> bool:
        """True if it was still there: then it will not be called."""
        with self._lock:
            waiting = self._waiting.get(job_id, [])
            if hear not in waiting:
                return False
            waiting.remove(hear)
            if not waiting:
                del self._waiting[job_id]
            return True

    def discard_unmarked(self, job_id: JobId, hear: Hear) -> bool:
        """The same, unless somebody is about to tell it."""
        with self._lock:
            marked = job_id in self._marks
        return not marked and self.discard(job_id, hear)

    def count(self, job_id: JobId) -> int:
        with self._lock:
            return len(self._waiting.get(job_id, ()))

    def ids(self) -> Sequence[JobId]:
        """Of the jobs that somebody waits for and that are not about to end here."""
        with self._lock:
            return [job_id for job_id in self._waiting if job_id not in self._marks]

    def mark(self, job_id: JobId) -> None:
        with self._lock:
            self._marks[job_id] += 1

    def is_marked(self, job_id: JobId) -> bool:
        with self._lock:
            return job_id in self._marks

    def unmark(self, job_id: JobId) -> None:
        with self._lock:
            self._unmark(job_id)

    def unmark_and_tell(self, job: Job) -> None:
        """The job has ended: its waiters hear of it, and its id is free before they do."""
        with self._lock:
            self._unmark(job.id)
            waiting = self._waiting.pop(job.id, [])
        tell(job, waiting)

    def tell(self, job: Job) -> None:
        """For a job that ended elsewhere."""
        with self._lock:
            waiting = [] if job.id in self._marks else self._waiting.pop(job.id, [])
        tell(job, waiting)

    def _unmark(self, job_id: JobId) -> None:
        self._marks[job_id] -= 1
        if not self._marks[job_id]:
            del self._marks[job_id]


def tell(job: Job, waiting: Sequence[Hear]) -> None:
    for hear in waiting:
        try:
            hear(job)
        except Exception:
            log.exception("somebody who waited for job %s could not be told", job.id)
