from __future__ import annotations

import threading
import time

from adapters.worker.thread import POLL_SECONDS, ThreadWorker
from core.domain.job import JobId


class Draining:
    """Takes no more jobs, and says so at once."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.enough = threading.Event()

    def run_next(self, timeout: float | None = None) -> JobId | None:
        self.asked.append(time.monotonic())
        if len(self.asked) == 3:
            self.enough.set()
        return None


def test_a_worker_without_work_does_not_spin() -> None:
    loop = Draining()
    worker = ThreadWorker(loop, 1)
    worker.start()
    assert loop.enough.wait(20)
    worker.stop()
    assert loop.asked[2] - loop.asked[0] >= POLL_SECONDS


class Meeting:
    """Runs a job only once so many threads want one."""

    def __init__(self, count: int) -> None:
        self.all_there = threading.Barrier(count)
        self.met = threading.Event()

    def run_next(self, timeout: float | None = None) -> JobId | None:
        if not self.met.is_set():
            self.all_there.wait(20)
            self.met.set()
        return None


def test_a_worker_has_threads_to_spare_and_says_how_many_jobs_may_be_drawn() -> None:
    loop, drawn = Meeting(3), list[int]()
    worker = ThreadWorker(loop, 1, spare=1, let=drawn.append)
    worker.start()
    assert not loop.met.is_set()
    worker.grow(2)
    assert loop.met.wait(20)
    worker.stop()
    assert drawn == [1, 2]
