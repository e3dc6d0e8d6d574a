"""Passes on what happens to jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable

from core.domain.errors import SerenaError
from core.domain.job import Job
from core.ports.driving import JobEvents

log = logging.getLogger("serena.jobs")


class JobNews:
    """``JobEvents`` that go to any number of listeners; to none at first."""

    def __init__(self, *listeners: JobEvents) -> None:
        self._listeners = listeners

    def add(self, listener: JobEvents) -> None:
        """It hears of all that happens from now on."""
        self._listeners = (*self._listeners, listener)

    def accepted(self, job: Job) -> None:
        self._tell(lambda listener: listener.accepted(job))

    def rejected(self, error: SerenaError) -> None:
        self._tell(lambda listener: listener.rejected(error))

    def started(self, job: Job) -> None:
        self._tell(lambda listener: listener.started(job))

    def stepped(self, job: Job, seconds: float) -> None:
        self._tell(lambda listener: listener.stepped(job, seconds))

    def requeued(self, job: Job) -> None:
        self._tell(lambda listener: listener.requeued(job))

    def ended(self, job: Job) -> None:
        self._tell(lambda listener: listener.ended(job))

    def restarted(self) -> None:
        self._tell(lambda listener: listener.restarted())

    def _tell(self, say: Callable[[JobEvents], None]) -> None:
        for listener in self._listeners:
            try:
                say(listener)
            except Exception:
                log.exception("what happened to a job could not be told")
