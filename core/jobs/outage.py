"""Whether jobs can be drawn here at all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

log = logging.getLogger("serena.jobs")

Hear: TypeAlias = Callable[[str], None]


class Outage:
    """``ReportOutage``: a time in which what draws cannot be started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hearing: list[Hear] = []
        self._reason: str | None = None

    @property
    def reason(self) -> str | None:
        return self._reason

    def begin(self, reason: str) -> None:
        with self._lock:
            is_new, self._reason = self._reason is None, reason
            hearing, self._hearing = self._hearing, []
        if is_new:
            log.error("no jobs are taken until a worker starts: %s", reason)
        for hear in hearing:
            hear(reason)

    def end(self) -> None:
        with self._lock:
            was, self._reason = self._reason, None
        if was is not None:
            log.warning("a worker has started; jobs are taken again")

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Call ``hear`` once, when it begins; at once while it lasts. What is given makes it forget that."""
        with self._lock:
            reason = self._reason
            if reason is None:
                self._hearing.append(hear)
        if reason is not None:
            hear(reason)
        return lambda: self._forget(hear)

    def _forget(self, hear: Hear) -> None:
        with self._lock:
            if hear in self._hearing:
                self._hearing.remove(hear)
