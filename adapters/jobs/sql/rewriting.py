"""Writing SQLite's log to the disk once more, and copying it into the database.

First the log, as it lies: copied with a gap in it, it would put old pages among new ones at the next start,
where power is lost before the disk knows that the log has begun anew. Then SQLite copies and flushes, and
only then lets the log begin anew: what is written afterwards follows no frame that the disk may not have.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from adapters.disk import storage_error
from adapters.jobs.sql.flushing import log_beside
from core.domain.errors import StorageError

_A_MOMENT: Final = 0.25
_CHUNK: Final = 1 << 20
_HELD_UP: Final = "{!r} cannot be written anew while another process reads it; end that one"


def write_anew(path: Path, busy_seconds: float, explain: Callable[[BaseException], StorageError]) -> None:
    """All that the log holds into the database. Raises ``StorageError``.

    The log is read as the system now gives it. Some give what was written; some, after a failure, what is on
    the disk: then it is torn, and the database is not touched.
    """
    try:
        # Of its own, with no page in memory: it reads what copying reads.
        with closing(_connect(path, busy_seconds)) as connection:
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise StorageError(
                    f"{str(path)!r} is damaged ({found}); stop Serena and put a copy in its place"
                )
            connection.execute("BEGIN IMMEDIATE")  # nobody adds to the log, or lets it begin anew
            write_again(log_beside(path))
            connection.execute("ROLLBACK")
            if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise StorageError(_HELD_UP.format(str(path)))
    except sqlite3.Error as error:
        raise explain(error) from error


def take_over(path: Path, mark: int) -> None:
    """Write the log again that a process left which ended without closing it, perhaps because of its disk.

    SQLite looks after each frame on opening it, and copies it on closing. Where other processes use it, it is
    theirs; so is the database of another program, which has another mark. On a read-only disk nothing can be
    promised that it might lose. Raises ``sqlite3.Error`` and ``StorageError``.
    """
    if not os.access(path, os.W_OK):
        return
    with closing(_connect(path, _A_MOMENT)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").close()
        try:
            found = connection.execute("PRAGMA application_id").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return
            raise
        if found == mark:
            write_again(log_beside(path))


def write_again(log: Path) -> None:
    """The same bytes to the same places: the system thinks that the disk has them. Nobody else may write
    there meanwhile. Raises ``StorageError``."""
    try:
        with open(log, "r+b") as file:
            while chunk := file.read(_CHUNK):
                file.seek(-len(chunk), os.SEEK_CUR)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(log, error) from error


def _connect(path: Path, busy_seconds: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
