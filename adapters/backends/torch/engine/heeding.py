"""Waiting that hears when the run is to stop.

The check belongs to the thread that draws, as what it tiles does: what it waits for knows nothing of runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_FOR_CANCEL = 0.1
"""Seconds that a cancel may go unheard in a wait."""

_local = threading.local()


@contextmanager
def heeding(check: Callable[[], None]) -> Iterator[None]:
    """Inside the block, waits of this thread in the engine end when its run is to stop.

    :param check: raises when it is; called now and then, with locks held, so it waits for nothing.
    """
    before = _check()
    _local.check = check
    try:
        yield
    finally:
        _local.check = before


def wait(changed: threading.Condition, most: float | None = None) -> None:
    """Wait for ``changed``, for ``most`` seconds. Raises what the check of this thread raises; the lock is
    held then too."""
    check = _check()
    if check is None:
        changed.wait(most)
        return
    changed.wait(LOOK_FOR_CANCEL if most is None else min(most, LOOK_FOR_CANCEL))
    check()


def _check() -> Callable[[], None] | None:
    found: Callable[[], None] | None = getattr(_local, "check", None)
    return found
