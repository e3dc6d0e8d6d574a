"""How seldom Python looks through all objects for garbage, which holds up every thread."""

from __future__ import annotations

import gc
from collections.abc import Callable

THRESHOLDS = (5_000, 10, 5)


def leave_in_peace() -> Callable[[], None]:
    """What is there by now (the code, mostly) stays as long as the server and is not looked through any more:
    that takes a third of a second, in which nothing is answered. What it returns ends that."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)

    def look_again() -> None:
        gc.set_threshold(*before)
        gc.unfreeze()

    return look_again
