"""A disk that has failed, and what may be believed of it afterwards.

A flush that fails may drop what it was to write, and the next one succeeds without it. So a later success
proves nothing: all that is not known to be on the disk has to be written once more.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from adapters.jobs.sql.flushing import SharedFlush
from core.domain.errors import NotKept, StorageError

log = logging.getLogger("serena.jobs")

Report: TypeAlias = Callable[[str | None], None]
AGAIN_SECONDS: Final = 2.0
"""Who asks while there is doubt has it tried again, but not more often than that."""


def ignore(reason: str | None) -> None:
    """A ``Report`` to nobody."""


class DoubtedDisk:
    """A ``Disk``. Once a flush has failed nothing is read or written until ``write_anew`` has succeeded.

    :param flush: brings what was committed to the disk. :param write_anew: writes all that may not be there
        once more, and flushes it. Both raise ``StorageError``.
    :param folder: where the files are; what callers are told does not name it.
    :param report: told the reason when doubt begins, and None when it is over.
    :param close: called when all is over.
    """

    def __init__(
        self,
        flush: Callable[[], None],
        write_anew: Callable[[], None],
        *,
        folder: Path,
        report: Report = ignore,
        close: Callable[[], None] = lambda: None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._flush = flush
        self._write_anew = write_anew
        self._folder = folder
        self._report = report
        self._seconds = seconds
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._again = 0.0
        self.close = close
        self.flush: Final = SharedFlush(self._flush_once).wait

    def check(self) -> None:
        reason = self._reason
        if reason is None:
            return
        if self._seconds() < self._again or not self._lock.acquire(blocking=False):
            raise NotKept(reason)
        try:
            self._settle()
        finally:
            self._lock.release()

    def _flush_once(self) -> None:
        self.check()
        # Also when all was just written anew: that may have begun before what is to be flushed was there.
        try:
            self._flush()
        except StorageError as error:
            with self._lock:  # who has just ended a doubt reports that first
                raise self._begin(error) from error

    def _settle(self) -> None:
        try:
            self._flush()  # cheap, and it fails while the disk does
            self._write_anew()
        except StorageError as error:
            raise self._begin(error) from error
        self._reason = None
        log.warning("the disk keeps jobs again: all that may have been lost was written once more")
        self._report(None)

    def _begin(self, error: StorageError) -> NotKept:
        """Doubt, or more of it."""
        if self._reason is None:
            log.error("nothing is known of what the disk has kept, and no jobs are taken: %s", error)
        what = str(error).replace(f"{self._folder}/", "")
        reason = f"{what}; until the disk has shown that it keeps jobs, none are taken or told of"
        self._again = self._seconds() + AGAIN_SECONDS
        self._reason = reason
        self._report(reason)
        return NotKept(reason)
