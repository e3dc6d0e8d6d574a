"""Bringing SQLite's write-ahead log to the disk, while others write on.

SQLite would do it within each commit, and keep everybody out meanwhile: who only wants to take a job would
wait for a disk that the job before is waiting for. The log is read up to its first gap, so that what was
flushed lasts with all that was written before it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from adapters.disk import flush_folder, storage_error

_flush: Final[Callable[[int], None]] = getattr(os, "fdatasync", os.fsync)


def log_beside(database: Path) -> Path:
    return database.with_name(database.name + "-wal")


class LogFile:
    """The log beside a file of SQLite.

    It stays open: the system tells of a write that failed on its way to the disk to those who had the file
    open at that time, each once, and to others at most until somebody was told.
    """

    def __init__(self, database: Path) -> None:
        self._path = log_beside(database)
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._is_closed = False

    @property
    def exists(self) -> bool:
        """Whether some process uses it, or has ended without closing it."""
        return self._path.exists()

    def flush(self) -> None:
        """Raises ``StorageError``."""
        with self._lock:
            try:
                _flush(self._opened())
            except FileNotFoundError:
                return  # the last one to close has copied it into the database, and flushed that
            except OSError as error:
                raise storage_error(self._path, error) from error
            finally:
                if self._is_closed:
                    self._let_go()

    def close(self) -> None:
        """After a flush in progress; a later one opens it for itself. SQLite holds no lock in the log, which
        closing would end."""
        with self._lock:
            self._is_closed = True
            self._let_go()

    def _opened(self) -> int:
        """It may be another file by now. The name of a new one lasts first."""
        number = self._path.stat().st_ino
        if self._descriptor is not None and os.fstat(self._descriptor).st_ino == number:
            return self._descriptor
        self._let_go()
        descriptor = self._descriptor = os.open(self._path, os.O_RDWR)
        flush_folder(self._path.parent)
        return descriptor

    def _let_go(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class SharedFlush:
    """Lets all who wait at once wait for the same flush.

    :param flush: brings all that was written before to the disk.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._changed = threading.Condition()
        self._begun = self._ended = 0
        self._failed = 0
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many wait for a flush that another thread leads or will lead."""
        return self._waiting

    def wait(self) -> bool:
        """Returns once all that was written before the call is on the disk. False: another thread's flush was
        to do that, and failed. Raises what a flush of its own raises."""
        with self._changed:
            wanted = self._begun + 1  # one that has begun already may have missed something
            self._waiting += 1
            self._changed.wait_for(lambda: self._ended >= wanted or self._begun == self._ended)
            self._waiting -= 1
            if self._ended >= wanted:
                return self._failed < wanted
            self._begun += 1
        done = False
        try:
            self._flush()
            done = True
        finally:
            with self._changed:
                self._ended = self._begun
                self._failed = self._failed if done else self._ended
                self._changed.notify_all()
        return True
