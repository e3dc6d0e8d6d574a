"""Which job a thread works on, so that what it logs says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from core.domain.job import JobId

_CURRENT: ContextVar[JobId | None] = ContextVar("serena_job", default=None)


def current_job() -> JobId | None:
    """The job whose work this thread or task does."""
    return _CURRENT.get()


@contextmanager
def working_on(job_id: JobId) -> Iterator[None]:
    """All that is logged within belongs to that job."""
    token = _CURRENT.set(job_id)
    try:
        yield
    finally:
        _CURRENT.reset(token)
