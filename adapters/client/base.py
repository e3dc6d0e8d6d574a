"""What both clients are made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from adapters.client.errors import error_from
from adapters.client.models import JobView, ProgressView
from adapters.client.retrying import PATIENT, Retries

LOCAL = "http://127.0.0.1:7860"
SILENCE = 45.0
"""Seconds: three times the pause between the comments that keep a stream open."""

OnProgress = Callable[[ProgressView], object]


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is and who asks.

    :ivar url: with the path in front of every route, if there is one.
    :ivar auth: name and password.
    :ivar client_id: tells this client's jobs from those of others at the same address.
    :ivar timeout: seconds for an answer; streams of events last as long as they last.
    """

    url: str = LOCAL
    auth: tuple[str, str] | None = None
    api_key: str | None = None
    client_id: str | None = None
    timeout: float = 30.0
    retries: Retries = PATIENT

    def options(self) -> dict[str, Any]:
        """For the client of httpx."""
        headers = {"User-Agent": "serena-client"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        if self.client_id is not None:
            headers["X-Client-Id"] = self.client_id
        return {
            "base_url": self.url,
            "auth": self.auth,
            "headers": headers,
            "timeout": httpx.Timeout(self.timeout),
        }

    def silence(self, deadline: float | None) -> httpx.Timeout:
        """How long a stream may say nothing."""
        return httpx.Timeout(self.timeout, read=max(0.01, within(SILENCE, deadline)))


def passed(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def within(seconds: float, deadline: float | None) -> float:
    """So many seconds, or as many as are left."""
    return seconds if deadline is None else max(0.0, min(seconds, deadline - time.monotonic()))


def checked(job: JobView) -> JobView:
    """``job``, or the error it failed with."""
    if job.error is not None:
        raise error_from(job.error)
    return job


def too_late(job_id: str, timeout: float | None) -> TimeoutError:
    return TimeoutError(f"job {job_id} has not ended within {timeout} seconds")
