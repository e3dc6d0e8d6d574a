"""Waiting for the child, where nobody comes again later."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from core.domain.errors import Interrupted, NotReady

READY_SECONDS = 120.0


class Links(Protocol):
    """Knows the child."""

    def link(self, given_up: Callable[[], bool]) -> object: ...


def wait_until_ready(child: Links, seconds: float = READY_SECONDS) -> None:
    """Until the child has said what its plugins offer.

    Raises ``NotReady`` after ``seconds``, ``NoWorker`` when it cannot be started, and ``WorkerDied`` when
    everything stops.
    """
    end = time.monotonic() + seconds
    try:
        child.link(lambda: time.monotonic() >= end)
    except Interrupted:
        raise NotReady(
            f"the process that loads the plugins was not ready within {seconds:g} seconds; its log lines say "
            "what it waits for"
        ) from None
