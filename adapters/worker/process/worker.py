"""The worker of a parent: threads that take jobs, and the child that draws them."""

from __future__ import annotations

import threading

from adapters.worker.process.supervisor import Supervisor
from adapters.worker.thread import ThreadWorker


class ProcessWorker:
    """One thread takes jobs from the start; more once the child has said how many runs it can do at once."""

    def __init__(self, threads: ThreadWorker, supervisor: Supervisor) -> None:
        self._threads = threads
        self._supervisor = supervisor
        self._lock = threading.Lock()
        supervisor.when_ready(self._grow)

    def start(self) -> None:
        self._supervisor.start()
        self._threads.start()

    def stop(self, timeout: float = 30.0) -> None:
        self._threads.stop(timeout)
        self._supervisor.stop()

    def _grow(self) -> None:
        said = self._supervisor.said
        if said is not None:
            with self._lock:
                self._threads.grow(said["backend"]["max_runs"])
