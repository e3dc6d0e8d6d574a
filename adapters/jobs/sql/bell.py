"""Wakes up who waits for a job."""

from __future__ import annotations

import threading
import time
from typing import Final

NEVER: Final = -1


class Bell:
    """Counts rings, so that none is missed by who was just looking for a job.

    :param patience: seconds after which a waiter looks by itself: another process may have put a job.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._rung = threading.Condition()
        self._rings = 0
        self._found_empty = NEVER
        self._looked = 0.0

    @property
    def rings(self) -> int:
        return self._rings

    def ring(self, jobs: int | None = None) -> None:
        """Wake up as many as there are jobs; None: everybody."""
        with self._rung:
            self._rings += 1
            if jobs is None:
                self._rung.notify_all()
            else:
                self._rung.notify(jobs)

    def found_nothing(self, rings: int) -> None:
        """Nothing waited, after that many rings."""
        with self._rung:
            self._found_empty, self._looked = rings, time.monotonic()

    def is_worth_a_look(self) -> bool:
        """Whether something may have come since somebody looked."""
        with self._rung:
            if self._found_empty != self._rings:
                return True
            return time.monotonic() - self._looked >= self._patience

    def wait(self, rings: int, seconds: float | None) -> None:
        """Until there are more rings, or it is time to look, or ``seconds`` are over."""
        limit = self._patience if seconds is None else min(seconds, self._patience)
        with self._rung:
            self._rung.wait_for(lambda: self._rings != rings, limit)
