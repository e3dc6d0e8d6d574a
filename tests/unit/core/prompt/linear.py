"""Is a function's time linear in the size of what it is given?"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

SMALL, LARGE, RATIO = 10_000, 100_000, 15
_NOISE = 0.02
"""Seconds below which a difference says nothing."""


def assert_linear(work: Callable[[int], object], attempts: int = 3) -> None:
    """Ten times the size takes at most fifteen times as long; the best of a few attempts counts, for the
    machine is shared."""
    ratios = []
    for _ in range(attempts):
        small, large = _seconds(work, SMALL), _seconds(work, LARGE)
        if large <= RATIO * max(small, _NOISE / RATIO):
            return
        ratios.append(large / small)
    raise AssertionError(f"time grew {min(ratios):.1f} times, not {RATIO}")


def _seconds(work: Callable[[int], object], size: int) -> float:
    gc.collect()
    gc.disable()  # its full collections come when they come; the algorithm is on trial
    try:
        start = time.perf_counter()
        work(size)
        return time.perf_counter() - start
    finally:
        gc.enable()
