"""Whether jobs can be drawn and kept here at all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeAlias

from core.domain.errors import NotKept, NoWorker, SerenaError

log = logging.getLogger("serena.jobs")

Hear: TypeAlias = Callable[[SerenaError], None]


class Outage:
    """``ReportOutage``: a time in which something is missing that every job needs.

    :param kind: what those who wait for a job are told that it is.
    """

    def __init__(self, kind: type[SerenaError] = NoWorker) -> None:
        self._kind = kind
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
            log.error("no jobs are taken for now: %s", reason)
        for hear in hearing:
            hear(self._kind(reason))

    def end(self) -> None:
        with self._lock:
            was, self._reason = self._reason, None
        if was is not None:
            log.warning("jobs are taken again")

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Call ``hear`` once, when it begins; at once while it lasts. What is given makes it forget that."""
        with self._lock:
            reason = self._reason
            if reason is None:
                self._hearing.append(hear)
        if reason is not None:
            hear(self._kind(reason))
        return lambda: self._forget(hear)

    def _forget(self, hear: Hear) -> None:
        with self._lock:
            if hear in self._hearing:
                self._hearing.remove(hear)


class Outages:
    """All of a server's.

    :ivar worker: what draws cannot be started. :ivar store: the disk has failed to keep jobs.
    """

    def __init__(self, worker: Outage | None = None) -> None:
        self.worker: Final = worker or Outage()
        self.store: Final = Outage(NotKept)

    @property
    def reason(self) -> str | None:
        return self.store.reason or self.worker.reason

    def listen(self, hear: Hear) -> Callable[[], None]:
        """As that of each. ``hear`` may be called by both."""
        forgets = [one.listen(hear) for one in (self.store, self.worker)]

        def forget() -> None:
            for each in forgets:
                each()

        return forget

    def stored(self, trouble: str | None) -> None:
        """The store says that its disk has failed, or None: that it keeps jobs again."""
        if trouble is None:
            self.store.end()
        else:
            self.store.begin(trouble)
