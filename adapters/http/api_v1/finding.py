"""Which jobs a caller may see, and what they are told of them."""

from __future__ import annotations

from fastapi import Request

from adapters.http.users import seen_by, user_of
from adapters.http.wire.job_views import job_view
from adapters.http.wire.jobs import JobView
from adapters.settings import JobSettings
from core.domain.job import Job
from core.ports.driving import ControlJobs


class Finder:
    """Jobs as callers see them. Another owner's job is unknown, and nothing tells that it is there."""

    def __init__(self, jobs: ControlJobs, keeping: JobSettings) -> None:
        self._jobs = jobs
        self._keep_hours = keeping.keep_hours

    def find(self, request: Request, job_id: str) -> Job:
        """Raises ``UnknownJob``, or ``ExpiredJob``."""
        return seen_by(user_of(request), self._jobs, job_id)

    def view(self, request: Request, job: Job, *, progress: bool = True) -> JobView:
        """
        :param progress: say how far it is, if it has not ended.
        """
        now = self._jobs.progress(job.id) if progress and not job.state.is_final else None
        return job_view(job, now, base=base_of(request), keep_hours=self._keep_hours)


def base_of(request: Request) -> str:
    """The path in front of every route."""
    base: str = request.scope.get("root_path", "")
    return base
