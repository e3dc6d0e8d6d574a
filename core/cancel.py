"""A token that belongs to one job and tells it to stop. There is no global flag."""

from __future__ import annotations

import threading

from core.domain.errors import Interrupted


class CancelToken:
    """Set from any thread, read by the run at each denoiser call.

    ``interrupt`` ends the run with the pictures that exist, ``skip`` drops only the iteration in progress.
    """

    def __init__(self) -> None:
        self._interrupted = threading.Event()
        self._skipped = threading.Event()

    def interrupt(self) -> None:
        self._interrupted.set()

    def skip(self) -> None:
        self._skipped.set()

    def next_iteration(self) -> None:
        """Forget a skip: it was meant for the iteration that has ended."""
        self._skipped.clear()

    @property
    def interrupted(self) -> bool:
        return self._interrupted.is_set()

    @property
    def skipped(self) -> bool:
        return self._skipped.is_set()

    @property
    def should_stop(self) -> bool:
        return self.interrupted or self.skipped

    def check(self) -> None:
        """Raise :class:`Interrupted` when the iteration in progress should end."""
        if self.should_stop:
            raise Interrupted(skipped=not self.interrupted)
