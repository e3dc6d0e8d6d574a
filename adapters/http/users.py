"""Who calls, and what of theirs they may see."""

from __future__ import annotations

from fastapi import Request
from starlette.types import Scope

from core.domain.errors import ExpiredJob, UnknownJob
from core.domain.job import Caller, Job, JobId
from core.ports.driving import ControlJobs

USER = "serena.user"
"""Key of the ASGI scope under which :class:`~adapters.http.middleware.auth.Auth` leaves the name."""


CLIENT_HEADER = "X-Client-Id"
LONGEST_CLIENT = 200


def name_user(scope: Scope, name: str) -> None:
    scope[USER] = name


def user_of(request: Request) -> str | None:
    """The caller's name; None where nobody needs to say who they are."""
    user = request.scope.get(USER)
    return user if isinstance(user, str) else None


def caller_of(request: Request) -> Caller:
    """Who calls: by credential, by the name that the client gave itself, by its address."""
    named = request.headers.get(CLIENT_HEADER, "").strip()[:LONGEST_CLIENT]
    address = request.client.host if request.client is not None else None
    return Caller(owner=user_of(request), client=named or address, named=bool(named))


def may_see(user: str | None, job: Job) -> bool:
    """Without passwords everybody is the same person; with them, each sees their own jobs only."""
    return user is None or job.owner == user


def seen_by(user: str | None, jobs: ControlJobs, job_id: str) -> Job:
    """The job of that id, if ``user`` may see it. Another one's is unknown, also when it has expired.
    Raises ``UnknownJob``, or ``ExpiredJob``."""
    try:
        job = jobs.get(JobId(job_id))
    except ExpiredJob as expired:
        if user is None or expired.owner == user:
            raise
        raise UnknownJob(job_id) from None
    if not may_see(user, job):
        raise UnknownJob(job_id)
    return job
