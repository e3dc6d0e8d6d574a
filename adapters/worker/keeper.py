"""The threads that look after jobs."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from core.ports.driving import KeepJobs

log = logging.getLogger("serena.worker")
TICK_SECONDS = 1.0
PUBLISHERS = 4
"""So many slow files or receivers hold up no others."""


class KeeperThread:
    """Calls :meth:`~core.ports.driving.KeepJobs.tick` every second, until stopped.

    Threads of their own call ``publish_due``: a receiver that does not answer must not let a lease run out.
    """

    def __init__(self, keeper: KeepJobs, seconds: float = TICK_SECONDS, publishers: int = PUBLISHERS) -> None:
        self._keeper = keeper
        self._seconds = seconds
        self._stop = threading.Event()
        self._threads = [self._thread("serena-keeper", keeper.tick)]
        for number in range(publishers):
            self._threads.append(self._thread(f"serena-publisher-{number}", keeper.publish_due))

    def start(self) -> None:
        """Returns once what processes that have died left behind is in the queue again."""
        self._keeper.recover()
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End after the rounds in progress."""
        self._stop.set()
        until = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def _thread(self, name: str, part: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=self._repeat, args=(part,), name=name, daemon=True)

    def _repeat(self, part: Callable[[], None]) -> None:
        while True:
            try:
                part()
            except Exception:
                # Without these threads leases run out and jobs are drawn twice: they must not end.
                log.exception("a round of looking after jobs failed")
            if self._stop.wait(self._seconds):
                return
