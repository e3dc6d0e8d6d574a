"""How many jobs may wait, how long they are kept, and how often they are tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.ports.driven import NO_LIMITS, QueueLimits, Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRules:
    """What jobs live by.

    :ivar limits: how many may wait.
    :ivar keep: how many ended jobs are kept, ``keep_for`` how long, ``keep_bytes`` with how many bytes of
        requests and pictures. None: no limit.
    :ivar lease: how long a worker that says nothing keeps its job.
    :ivar max_attempts: how often a worker may die of a job before it fails.
    :ivar patient: they wait while what draws cannot be started; else they fail with the reason.
    :ivar lasting: what is stopped at the end of the process is found by the next one; else it is cancelled.
    """

    limits: QueueLimits = NO_LIMITS
    keep: int | None = None
    keep_for: timedelta | None = None
    keep_bytes: int | None = None
    lease: timedelta = timedelta(seconds=30)
    max_attempts: int = 3
    patient: bool = True
    lasting: bool = False

    def retention(self, now: datetime) -> Retention:
        since = now - self.keep_for if self.keep_for is not None else None
        return Retention(since=since, count=self.keep, size=self.keep_bytes)
