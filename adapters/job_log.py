"""A line for what happens to each job."""

from __future__ import annotations

import logging

from core.domain.errors import SerenaError
from core.domain.job import Job, JobState

log = logging.getLogger("serena.jobs")


class JobLog:
    """``JobEvents`` as lines of the log. No prompt and no key is in them."""

    def accepted(self, job: Job) -> None:
        self._note(job, "accepted: %s, priority %d", job.request.kind.value, job.priority)

    def rejected(self, error: SerenaError) -> None:
        log.info("not taken: %s", type(error).__name__)

    def started(self, job: Job) -> None:
        self._note(job, "started, attempt %d", job.attempts)

    def stepped(self, job: Job, seconds: float) -> None:
        """Too many for lines."""

    def requeued(self, job: Job) -> None:
        self._note(job, "put back after attempt %d", job.attempts)

    def ended(self, job: Job) -> None:
        if job.state is JobState.FAILED and job.error is not None:
            self._note(job, "failed: %s: %s", job.error.kind, job.error.message)
        else:
            self._note(job, "%s after %s", job.state.value, _taken(job))

    def restarted(self) -> None:
        log.warning("what draws had ended and was started again")

    def _note(self, job: Job, message: str, *values: object) -> None:
        log.info(message, *values, extra={"job": job.id})


def _taken(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return "no attempt"
    return f"{(job.finished_at - job.started_at).total_seconds():.3f} s"
