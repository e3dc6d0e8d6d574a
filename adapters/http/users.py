"""Who calls, and what of theirs they may see."""

from __future__ import annotations

from fastapi import Request
from starlette.types import Scope

from core.domain.job import Job, JobId, JobState
from core.domain.progress import Progress
from core.ports.driving import ControlJobs

USER = "serena.user"
"""Key of the ASGI scope under which :class:`~adapters.http.middleware.auth.Auth` leaves the name."""


def name_user(scope: Scope, name: str) -> None:
    scope[USER] = name


def user_of(request: Request) -> str | None:
    """The caller's name; None where nobody needs to say who they are."""
    user = request.scope.get(USER)
    return user if isinstance(user, str) else None


def may_see(user: str | None, job: Job) -> bool:
    """Without passwords everybody is the same person; with them, each sees their own jobs only."""
    return user is None or job.owner == user


def running_job(jobs: ControlJobs, user: str) -> JobId | None:
    """The job of that user which runs (the oldest, if several do)."""
    mine = (job.id for job in jobs.jobs() if job.state is JobState.RUNNING and may_see(user, job))
    return next(mine, None)


def progress_of(jobs: ControlJobs, user: str | None, preview: bool) -> Progress:
    """The snapshot that a caller sees without naming a job."""
    if user is None:
        return jobs.progress(preview=preview)
    mine = running_job(jobs, user)
    return Progress() if mine is None else jobs.progress(mine, preview=preview)
