"""Hashes of large checkpoints, made behind the listing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class Background:
    """Works through names in a thread that does not keep the process alive.

    :param work: is called with one name at a time; it raises nothing.
    """

    def __init__(self, work: Callable[[str], None]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._thread: threading.Thread | None = None

    def give(self, names: Sequence[str]) -> None:
        """These, instead of what is still waiting."""
        with self._lock:
            self._waiting = list(names)
            if self._waiting and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="serena-hashes", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Until nothing is waiting."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (name := self._next()) is not None:
            self._work(name)

    def _next(self) -> str | None:
        with self._lock:
            if self._waiting:
                return self._waiting.pop(0)
            self._thread = None
            return None
