"""Threads that take one job after the other."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from core.ports.driving import RunJobs

log = logging.getLogger("serena.worker")
POLL_SECONDS = 0.1
"""How long a thread waits for a job before it looks whether it should stop."""


class ThreadWorker:
    """Runs ``count`` jobs at once until stopped, or more once it is told to grow.

    :param spare: threads beside those that draw, which store results meanwhile.
    :param let: lets so many jobs be drawn at once; for a worker with threads to spare.
    """

    def __init__(
        self, loop: RunJobs, count: int, spare: int = 0, let: Callable[[int], None] = lambda count: None
    ) -> None:
        self._loop = loop
        self._count = count
        self._spare = spare
        self._let = let
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self.grow(self._count)

    def grow(self, count: int) -> None:
        """Run at least ``count`` jobs at once."""
        self._let(count)
        for number in range(len(self._threads), count + self._spare):
            thread = threading.Thread(target=self._work, name=f"serena-worker-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Let the jobs in progress end, for ``timeout`` seconds at most; take no more."""
        self._stop.set()
        until = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while not self._stop.is_set():
            until = time.monotonic() + POLL_SECONDS
            try:
                if self._loop.run_next(POLL_SECONDS) is None:
                    # A loop that takes no more jobs says so at once.
                    self._stop.wait(max(0.0, until - time.monotonic()))
            except Exception:
                # The loop promises not to raise because of a job; a store that fails must not end the thread.
                log.exception("a worker thread could not run a job")
                self._stop.wait(POLL_SECONDS)
