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


class LogFile:
    """The log beside a file of SQLite."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + "-wal")
        self._known = 0

    def flush(self) -> None:
        """Raises ``StorageError``."""
        try:
            # Opened each time: it may be another file by now. SQLite holds no lock in it, which closing ends.
            descriptor = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return  # the last one to close has copied it into the database, and flushed that
        except OSError as error:
            raise storage_error(self._path, error) from error
        try:
            _flush(descriptor)
            number = os.fstat(descriptor).st_ino
            if number != self._known:
                flush_folder(self._path.parent)
                self._known = number
        except OSError as error:
            raise storage_error(self._path, error) from error
        finally:
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
