"""What follows when a job ends, whoever ended it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from core.domain.errors import StorageError
from core.domain.job import Job, JobId, JobState
from core.jobs.events import JobNews
from core.jobs.publishing import Publisher
from core.jobs.retention import Retention
from core.jobs.waiters import Waiters
from core.ports.driven import JobStore
from core.ports.driving import JobEvents


class Endings:
    """The only place where a job becomes final: commit, then its files, then the news to those who wait."""

    def __init__(
        self,
        *,
        store: JobStore,
        waiters: Waiters,
        publisher: Publisher,
        retention: Retention,
        news: JobEvents | None = None,
    ) -> None:
        self._store = store
        self._waiters = waiters
        self._publisher = publisher
        self._retention = retention
        self._news = news or JobNews()

    def update(
        self, job_id: JobId, change: Callable[[Job], Job], leave: Callable[[], None] = lambda: None
    ) -> Job:
        """``JobStore.update`` by a change that may end a job; it raises for a job that has ended already.

        :param leave: called before anybody is told.
        """
        self._waiters.mark(job_id)
        try:
            job = self._store.update(job_id, lambda found: self._owing(change(found)))
            if job.state.is_final:
                job = self._publisher.write_files(job)
        except BaseException:
            self._waiters.unmark(job_id)
            with suppress(StorageError):  # then the keeper tells them, once the store can say how it ended
                self._tell_late(job_id)
            raise
        if not job.state.is_final:
            self._waiters.unmark(job_id)
            if job.state is JobState.QUEUED:
                self._news.requeued(job)
            return job
        leave()
        self._news.ended(job)
        self._retention.release(job.request.blobs())
        self._waiters.unmark_and_tell(job)
        self._retention.one_more()
        return job

    def look(self, job_id: JobId) -> None:
        """Tell those who wait for a job that ended in another process."""
        self._tell_late(job_id)

    def _owing(self, job: Job) -> Job:
        return self._publisher.owing(job) if job.state.is_final else job

    def _tell_late(self, job_id: JobId) -> None:
        """Somebody may have begun to wait while the mark stood, and nobody else will tell them."""
        if self._waiters.count(job_id):
            job = self._store.get(job_id)
            if job is not None and job.state.is_final:
                self._waiters.tell(job)
