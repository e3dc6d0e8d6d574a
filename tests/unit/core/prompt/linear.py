"""Is a function's time linear in the size of what it is given?"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SMALL, LARGE, RATIO = 5_000, 50_000, 15
_NOISE = 0.01
"""Seconds below which a difference says nothing."""


def assert_linear(work: Callable[[int], object], attempts: int = 5) -> None:
    """Ten times the size takes at most fifteen times as long; the best of a few attempts counts, for the
    machine is shared. What is counted is this thread's time on the processor, so waiting for it is free."""
    ratios = []
    for _ in range(attempts):
        small, large = _seconds(work, SMALL), _seconds(work, LARGE)
        if large <= RATIO * max(small, _NOISE / RATIO):
            return
        ratios.append(large / small)
    raise AssertionError(f"time grew {min(ratios):.1f} times, not {RATIO}")


def _seconds(work: Callable[[int], object], size: int) -> float:
    with _undisturbed():
        start = time.thread_time()
        work(size)
        return time.thread_time() - start


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without the garbage collector, which looks at all that other tests have loaded, and without coverage's
    tracer, which takes longer than what it watches: the algorithm is on trial."""
    gc.disable()
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
        gc.enable()
