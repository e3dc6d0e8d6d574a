"""What a look at the disk found, kept until somebody asks to look again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The first call looks, the others remember. Safe from any thread: two never look at once."""

    def __init__(self, look: Callable[[], T]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._found: T | None = None

    def get(self) -> T:
        with self._lock:
            if self._found is None:
                self._found = self._look()
            return self._found

    def refresh(self) -> None:
        """Look again now."""
        with self._lock:
            self._found = self._look()
