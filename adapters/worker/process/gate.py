"""Which runs may share a child."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.domain.errors import Interrupted

POLL_SECONDS = 0.05


class Gate:
    """Runs pass together, except for one that must be alone: a child that died had several runs in it, and
    nobody knows which of them did it. Alone it costs only itself."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._alone = False
        self._waiting_alone = 0

    @contextmanager
    def passage(self, *, alone: bool, given_up: Callable[[], bool]) -> Iterator[None]:
        """Raises ``Interrupted`` once ``given_up`` says so."""
        self._enter(alone, given_up)
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._alone = False
                self._changed.notify_all()

    def _enter(self, alone: bool, given_up: Callable[[], bool]) -> None:
        with self._changed:
            self._waiting_alone += alone
            try:
                while not self._open_to(alone):
                    if given_up():
                        raise Interrupted
                    self._changed.wait(POLL_SECONDS)
                self._inside += 1
                self._alone = alone
            finally:
                self._waiting_alone -= alone

    def _open_to(self, alone: bool) -> bool:
        if alone:
            return self._inside == 0
        return not self._alone and self._waiting_alone == 0
