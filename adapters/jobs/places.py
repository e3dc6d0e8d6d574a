"""Who may have the id of a job."""

from __future__ import annotations

from core.domain.job import Job


def may_take_place(stored: Job | None, instead_of: Job | None) -> bool:
    """Whether a new job may have the id of ``stored``; ``instead_of`` is the job that it may replace."""
    if stored is None or instead_of is None:
        return stored is instead_of
    return stored.is_same_as(instead_of) and stored.state.is_final and stored.due_at is None
