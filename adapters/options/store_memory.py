"""Options that end with the process."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from core.domain.options import OptionValue


class MemoryOptionStore:
    """An ``OptionStore`` for tests and for servers that keep nothing."""

    def __init__(self, changed: Mapping[str, OptionValue] | None = None) -> None:
        self._changed = dict(changed or {})
        self._lock = threading.Lock()

    def load(self) -> Mapping[str, OptionValue]:
        with self._lock:
            return dict(self._changed)

    def save(self, changed: Mapping[str, OptionValue]) -> None:
        with self._lock:
            self._changed = dict(changed)
