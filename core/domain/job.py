"""A job and the states it may pass through.

queued → running → succeeded | failed | cancelled, queued → cancelled, and running → queued when its worker
died. Every transition gives a new job and refuses what is impossible with :class:`JobConflict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from core.domain.errors import JobConflict
from core.domain.model import ModelIdentity
from core.domain.request import GenerationRequest
from core.domain.result import GenerationResult
from core.domain.styles import Style

JobId = NewType("JobId", str)


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


ALLOWED: Mapping[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.QUEUED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}


StyleText = Style
"""The texts of a named style at the moment of acceptance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenInputs:
    """What was decided when the job was accepted, so that a retry draws the same pictures.

    :param model: None for the kinds that draw with no checkpoint.
    :param refiner: the checkpoint that takes over within a pass; None for none.
    :param hires_model: the checkpoint of the second pass; None for that of the first.
    :param options: those that were changed or overridden, as JSON values; the others have their defaults.
    """

    seed: int
    subseed: int
    model: ModelIdentity | None
    options: Mapping[str, Any] = field(default_factory=dict)
    styles: tuple[StyleText, ...] = ()
    refiner: ModelIdentity | None = None
    hires_model: ModelIdentity | None = None


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed: the class name of the error and its sentence."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One accepted request, its frozen inputs, and what became of it."""

    id: JobId
    request: GenerationRequest
    frozen: FrozenInputs
    created_at: datetime
    state: JobState = JobState.QUEUED
    owner: str | None = None
    priority: int = 0
    attempts: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: GenerationResult | None = None
    error: JobError | None = None

    def start(self, now: datetime) -> Job:
        return replace(self._to(JobState.RUNNING), started_at=now, attempts=self.attempts + 1)

    def requeue(self) -> Job:
        """Put back a job whose worker died."""
        return replace(self._to(JobState.QUEUED), started_at=None)

    def succeed(self, result: GenerationResult, now: datetime) -> Job:
        return replace(self._to(JobState.SUCCEEDED), result=result, finished_at=now)

    def fail(self, error: JobError, now: datetime) -> Job:
        return replace(self._to(JobState.FAILED), error=error, finished_at=now)

    def cancel(self, now: datetime, result: GenerationResult | None = None) -> Job:
        """End a job that was told to stop; ``result`` holds the pictures that exist, if it ran."""
        return replace(self._to(JobState.CANCELLED), result=result, finished_at=now)

    def _to(self, state: JobState) -> Job:
        if state not in ALLOWED[self.state]:
            raise JobConflict(f"job {self.id} is {self.state}; it cannot become {state}")
        return replace(self, state=state)
