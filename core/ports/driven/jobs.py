"""Where jobs are kept, and who is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.domain.image import BlobRef
from core.domain.job import EVERY_JOB, Delivery, Expired, Job, JobFilter, JobId, JobState


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many jobs may wait, of everybody and of one party, and how many bytes their requests may hold
    together. None: any number."""

    total: int | None = None
    party: int | None = None
    size: int | None = None

    def too_large(self, held: int, more: int) -> bool:
        """Whether ``more`` bytes are too many beside those that wait. Where none do any request has room."""
        return self.size is not None and held > 0 and held + more > self.size


NO_LIMITS = QueueLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What of the ended jobs is kept: those that ended at ``since`` or later, the newest ``count`` of those
    that ran and as many of those that never did, and the newest that hold at most ``size`` bytes of requests
    and pictures together. None: no limit."""

    since: datetime | None = None
    count: int | None = None
    size: int | None = None


class JobStore(Protocol):
    """Keeps jobs. Every method is atomic, safe from any thread, and lasting once it has returned (as far as
    the store lasts at all), except for ``take``. Raises ``StorageError`` when the disk refuses.

    The next job is one of the highest priority; among those, parties take turns; of one party, the oldest. A
    job that comes back to the queue keeps its turn.
    """

    def put(self, job: Job, limits: QueueLimits = NO_LIMITS, instead_of: Job | None = None) -> Job:
        """Add a queued job and give it back; where its owner has a job of the same key already, that one.

        Raises ``JobConflict`` when a job has its id, ``QueueFull`` or ``QueueTooLarge`` when the limits are
        reached, ``KeyReused`` when the job of that key has another digest. Then nothing changes.

        :param instead_of: the job of that id, which has ended and owes nothing: it is removed in the same
            step. ``JobConflict`` when it is no longer there, or no longer so.
        """
        ...

    def of_key(self, owner: str | None, key: str) -> Job | None:
        """The job that this owner has under an idempotency key."""
        ...

    def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
        """The next queued job as ``start`` makes it (running); None when none came within ``timeout``
        seconds. Raises what ``start`` raises: then nothing changes."""
        ...

    def get(self, job_id: JobId) -> Job | None: ...

    def expired(self, job_id: JobId) -> Expired | None:
        """What is remembered of a job of that id which was removed; None if there was none."""
        ...

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        """Replace a job by ``change(job)``, in one transaction; ``change`` may be called more than once.

        Raises ``UnknownJob``, or what ``change`` raises: then nothing changes.
        """
        ...

    def all(self) -> Sequence[Job]:
        """Every job, in the order in which they came."""
        ...

    def select(self, which: JobFilter = EVERY_JOB) -> Sequence[Job]:
        """The last to come first."""
        ...

    def running(self) -> Sequence[Job]:
        """Those in state running, in the order in which they were taken."""
        ...

    def due(self, now: datetime, limit: int = 100) -> Sequence[Job]:
        """Ended jobs whose ``due_at`` has come, the earliest first."""
        ...

    def surplus(self, keep: Retention, limit: int = 1000) -> Sequence[Job]:
        """Ended jobs that are not to be kept, the oldest first. Those with something due are kept."""
        ...

    def count_queued(self, party: str | None = None) -> int: ...

    def counts(self) -> Mapping[JobState, int]:
        """How many jobs there are in each state; every state is a key."""
        ...

    def position(self, job_id: JobId) -> int:
        """How many queued jobs come before this one; 0 for one that is not queued."""
        ...

    def remove(self, job: Job) -> Job | None:
        """Forget a job that has ended, except that it has expired; gives its last state.

        None: nothing was removed, because it is gone already, has not ended, or a later job has its id.
        """
        ...

    def in_use(self, refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
        """Which of these blobs a job refers to: as input (a retry needs it), as picture or for a file that is
        still to be written."""
        ...

    def close(self) -> None: ...


class Processes(Protocol):
    """Which processes of Serena live, so that the jobs of a dead one are taken up again at once."""

    @property
    def me(self) -> str:
        """The name of this one; held until it ends, however it ends."""
        ...

    def has_died(self, name: str) -> bool:
        """True when it is certain. False: it lives, or nobody here can tell (its lease decides then)."""
        ...

    def has_company(self) -> bool:
        """Whether others live that may have a part in the same jobs, as far as one can tell. Cheap."""
        ...

    def close(self) -> None:
        """This one lives no longer; called when its jobs are seen to."""
        ...


class Webhooks(Protocol):
    """Tells a URL that a job has ended."""

    def allowed(self, url: str) -> bool: ...

    def deliver(self, delivery: Delivery, body: bytes) -> bool:
        """One attempt, bounded in time. True when the receiver took it. Never raises because of the
        receiver."""
        ...
