"""A job and the states it may pass through.

queued → running → succeeded | failed | cancelled, queued → cancelled, and running → queued when its worker
died. Every transition gives a new job and refuses what is impossible with :class:`JobConflict`. One that
ends or continues a leased run needs the token of the lease: a worker that lost it cannot write
(:class:`LeaseLost`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from core.domain.errors import JobConflict, LeaseLost
from core.domain.image import BlobRef
from core.domain.model import ModelIdentity
from core.domain.request import GenerationRequest
from core.domain.result import FileOrder, GenerationResult
from core.domain.steps import JobSteps
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
class Caller:
    """Who submits, watches or stops a job.

    :ivar owner: the name behind the credential; None where nobody needs one. It decides who may see a job.
    :ivar client: what tells callers apart without credentials: the ``X-Client-Id`` that one sent, else the
        address it calls from. It decides only whose turn is next and what a global interrupt means.
    :ivar named: ``client`` was sent by the caller and is not guessed.
    """

    owner: str | None = None
    client: str | None = None
    named: bool = False

    @property
    def party(self) -> str:
        """Jobs of different parties take turns."""
        return f"owner:{self.owner}" if self.owner is not None else f"client:{self.client or ''}"


ANYBODY = Caller()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right of one worker to run a job and to write its result.

    :ivar token: new with every attempt.
    :ivar worker: the process that runs it, as the registry of processes knows it.
    :ivar until: when others may take the job unless the lease is renewed or the process is known to live.
    """

    token: str
    worker: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A webhook that is owed.

    :ivar id: the same at every attempt, so that a receiver can tell repeats.
    """

    id: str
    url: str
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One accepted request, its frozen inputs, and what became of it.

    :ivar attempts: how often a worker started it.
    :ivar server_deaths: how many of these ended because the whole server died, which is not the job's fault.
    :ivar key: the caller's idempotency key; one job per owner has it.
    :ivar digest: hash of the request as it was sent, to tell a retry from another request with the same key.
    :ivar input_size: bytes that its request holds, text and pictures.
    :ivar detached: it runs on when the caller that waits for it goes away.
    :ivar stop_requested: somebody asked to stop it while it ran; durable, so that a restart still knows.
    :ivar steps: how far it is while it runs, for the other servers of its queue; None: nobody has said.
    :ivar files: what is still to be written after the commit.
    :ivar delivery: the webhook, until it was delivered or given up.
    :ivar due_at: when files or webhook are to be tried next, by whoever finds them; None: nothing is owed.
    """

    id: JobId
    request: GenerationRequest
    frozen: FrozenInputs
    created_at: datetime
    state: JobState = JobState.QUEUED
    owner: str | None = None
    client: str | None = None
    priority: int = 0
    attempts: int = 0
    server_deaths: int = 0
    key: str | None = None
    digest: str = ""
    input_size: int = 0
    detached: bool = False
    stop_requested: bool = False
    lease: Lease | None = None
    steps: JobSteps | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result: GenerationResult | None = None
    error: JobError | None = None
    files: tuple[FileOrder, ...] = ()
    delivery: Delivery | None = None
    due_at: datetime | None = None

    @property
    def party(self) -> str:
        return Caller(owner=self.owner, client=self.client).party

    @property
    def blame(self) -> int:
        """Attempts that ended in the death of a worker and not of the server."""
        return self.attempts - self.server_deaths

    @property
    def size(self) -> int:
        """Bytes that it holds: its request and its pictures."""
        pictures = self.result.images if self.result is not None else ()
        return self.input_size + sum(image.size for image in pictures)

    def blobs(self) -> frozenset[BlobRef]:
        """Those of its inputs, which a retry needs too, of its pictures, and of files still to be written."""
        pictures = self.result.images if self.result is not None else ()
        files = (ref for order in self.files for ref in order.blobs())
        return frozenset((*self.request.blobs(), *(picture.blob for picture in pictures), *files))

    @property
    def token(self) -> str | None:
        """That of the lease it runs under."""
        return self.lease.token if self.lease else None

    def is_same_as(self, other: Job) -> bool:
        """Whether both are states of one job: an id may be used again, for another job."""
        return (self.id, self.created_at) == (other.id, other.created_at)

    def start(self, now: datetime, lease: Lease | None = None) -> Job:
        return self._to(JobState.RUNNING, started_at=now, attempts=self.attempts + 1, lease=lease)

    def renew(self, token: str, until: datetime) -> Job:
        """Raises ``LeaseLost`` when the job is no longer run under that token."""
        self._hold(token)
        return replace(self, lease=replace(self.lease, until=until)) if self.lease else self

    def note(self, token: str | None, steps: JobSteps) -> Job:
        """Say how far it is. Raises ``LeaseLost`` as :meth:`renew` does."""
        self._hold(token)
        return replace(self, steps=steps)

    def requeue(self, token: str | None = None, *, server_died: bool = False) -> Job:
        """Put back a job whose worker died."""
        self._hold(token)
        deaths = self.server_deaths + server_died
        return self._to(JobState.QUEUED, started_at=None, lease=None, steps=None, server_deaths=deaths)

    def request_stop(self) -> Job:
        """Remember that it was told to stop while it runs."""
        if self.state is not JobState.RUNNING:
            raise JobConflict(f"job {self.id} is {self.state}; only a running job can be told to stop")
        return replace(self, stop_requested=True)

    def succeed(self, result: GenerationResult, now: datetime, token: str | None = None) -> Job:
        self._hold(token)
        return self._ended(JobState.SUCCEEDED, now, **_kept(result))

    def fail(self, error: JobError, now: datetime, token: str | None = None) -> Job:
        self._hold(token)
        return self._ended(JobState.FAILED, now, error=error)

    def cancel(self, now: datetime, result: GenerationResult | None = None, token: str | None = None) -> Job:
        """End a job that was told to stop; ``result`` holds the pictures that exist, if it ran."""
        self._hold(token)
        return self._ended(JobState.CANCELLED, now, **_kept(result))

    def owe(self, at: datetime) -> Job:
        """Its files and its webhook, if it has any, are to be seen to; at ``at`` by whoever finds them."""
        due_at = at if self.files or self.delivery else None
        return self if due_at == self.due_at else replace(self, due_at=due_at)

    def claim(self, now: datetime, until: datetime) -> Job:
        """For one who sees to what is due: others leave it alone until ``until``."""
        if self.due_at is None or self.due_at > now:
            raise JobConflict(f"job {self.id} owes nothing now")
        return replace(self, due_at=until)

    def with_files(self, paths: Mapping[int, str], now: datetime) -> Job:
        """Its files are written (or given up); ``paths`` are those of the pictures, by index."""
        result = self.result
        if result is not None:
            images = tuple(
                replace(image, path=paths.get(index, image.path)) for index, image in enumerate(result.images)
            )
            result = replace(result, images=images)
        return replace(self, result=result, files=()).owe(now)

    def with_delivery(self, delivery: Delivery | None, at: datetime) -> Job:
        """Its webhook is to be tried again at ``at``; None: it was delivered, or given up."""
        return replace(self, delivery=delivery).owe(at)

    def _ended(self, state: JobState, now: datetime, **changes: Any) -> Job:
        return self._to(state, finished_at=now, lease=None, steps=None, **changes)

    def _hold(self, token: str | None) -> None:
        if token != self.token:
            raise LeaseLost(self.id)

    def _to(self, state: JobState, **changes: Any) -> Job:
        if state not in ALLOWED[self.state]:
            raise JobConflict(f"job {self.id} is {self.state}; it cannot become {state}")
        return replace(self, state=state, **changes)


def _kept(result: GenerationResult | None) -> dict[str, Any]:
    """The fields of a job that hold its result; the files that are owed stand in the job itself."""
    if result is None:
        return {}
    return {"result": replace(result, files=()), "files": result.files}


@dataclass(frozen=True, slots=True)
class Expired:
    """What is remembered of a job that was removed."""

    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs a listing shows. None means any.

    :ivar after: continue behind this job; an unknown one gives an empty page.
    """

    owner: str | None = None
    client: str | None = None
    states: frozenset[JobState] | None = None
    after: JobId | None = None
    limit: int | None = None

    def holds(self, job: Job) -> bool:
        """Whether owner, client and state are those asked for."""
        return (
            (self.owner is None or job.owner == self.owner)
            and (self.client is None or job.client == self.client)
            and (self.states is None or job.state in self.states)
        )


EVERY_JOB = JobFilter()
