"""Threads that take one job after the other."""

from __future__ import annotations

import logging
import threading
import time

from core.ports.driving import RunJobs

log = logging.getLogger("serena.worker")
POLL_SECONDS = 0.1
"""How long a thread waits for a job before it looks whether it should stop."""


class ThreadWorker:
    """Runs jobs in ``count`` threads until stopped, or in more once it is told to grow."""

    def __init__(self, loop: RunJobs, count: int) -> None:
        self._loop = loop
        self._count = count
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self.grow(self._count)

    def grow(self, count: int) -> None:
        """Have at least ``count`` threads."""
        for number in range(len(self._threads), count):
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
