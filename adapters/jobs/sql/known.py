"""Jobs by the texts that they are made from."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from adapters.jobs.sql.rows import job_of
from core.domain.job import Job

MOST: Final = 512
LONGEST: Final = 4_096
"""Longer texts are not kept: what is held stays below a few megabytes."""


class _Entry(NamedTuple):
    request: str
    result: str | None
    job: Job


class KnownJobs:
    """The jobs that were written or read last, so that a job which passes here several times in its life is
    not made of its texts each time. Safe from any thread.

    The texts are compared, not the names: what another process wrote is never mistaken for what is known.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        # By the text that differs between any two states of any two jobs, mostly.
        self._entries: dict[str, _Entry] = {}

    def of(self, row: Mapping[str, Any]) -> Job:
        """The job of a row. Raises what :func:`~adapters.jobs.sql.rows.job_of` raises."""
        found = self._entries.get(row["document"])
        if found is not None and found.request == row["request"] and found.result == row["result"]:
            return found.job
        job = job_of(row)
        self.learn(job, row)
        return job

    def learn(self, job: Job, values: Mapping[str, Any]) -> None:
        """``values`` are the columns of this job, or those of a row that holds it."""
        document, request, result = values["document"], values["request"], values["result"]
        if len(document) + len(request) + len(result or "") > LONGEST:
            return
        with self._lock:
            self._entries[document] = _Entry(request, result, job)
            if len(self._entries) > self._most:
                del self._entries[next(iter(self._entries))]
