"""A file of SQLite in the data folder."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from adapters.disk import storage_error
from adapters.jobs.sql.database import Database
from adapters.jobs.sql.doubt import DoubtedDisk, Report, ignore
from adapters.jobs.sql.flushing import LogFile
from adapters.jobs.sql.migrate import bring_up
from adapters.jobs.sql.rewriting import take_over, write_anew
from core.domain.errors import SettingsError, StorageError

MARK: Final = 0x5372_6E61
"""The application id in the head of the file, by which a database of ours is known."""

PRAGMAS: Final[Mapping[str, int | str]] = MappingProxyType(
    {"synchronous": "NORMAL", "temp_store": "MEMORY", "wal_autocheckpoint": 4000}
)
"""A commit leaves it to the store to flush the log. The pages of the indices change with every job: the
longer the log, the less often each is copied into the file."""

BEGIN: Final = ("BEGIN IMMEDIATE",)
PATIENCE: Final = 0.25
BUSY_SECONDS: Final = 15.0

_DAMAGED: Final = "it is damaged or no SQLite database; move it away, or put a copy in its place"
_REASONS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_READONLY: "it is read-only; change its permissions, or choose another data folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; see to the folder and its permissions",
    sqlite3.SQLITE_IOERR: "the disk failed; see to it, or choose another data folder",
    sqlite3.SQLITE_BUSY: "another process keeps it locked; end that one, or try again",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


def open_sqlite(
    path: Path,
    pragmas: Mapping[str, int | str] = PRAGMAS,
    busy_seconds: float = BUSY_SECONDS,
    flush: Callable[[], None] | None = None,
    report: Report = ignore,
    seconds: Callable[[], float] = time.monotonic,
) -> Database:
    """The database in that file, made or brought to this release's schema if need be.

    Raises ``StorageError`` when the disk refuses or the file is damaged, ``SettingsError`` when the file is
    another program's or a later release's.

    :param busy_seconds: how long to wait for other processes that write.
    :param flush: in place of what brings the log to the disk.
    :param report: told when the disk has failed, and when it has shown that it keeps what it is given.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(path, error) from error
    engine, log = _engine(path, pragmas, busy_seconds), LogFile(path)
    disk = DoubtedDisk(
        flush or log.flush,
        lambda: write_anew(path, busy_seconds, partial(_explain, path)),
        folder=path.parent,
        report=report,
        close=log.close,
        seconds=seconds,
    )
    database = Database(engine, begin=BEGIN, explain=partial(_explain, path), disk=disk)
    try:
        with database.explained():
            if log.exists:
                take_over(path, MARK)
            _claim(engine, path, busy_seconds)
            bring_up(engine, (*BEGIN, f"PRAGMA application_id = {MARK}"), repr(str(path)))
    except BaseException:
        database.close()
        raise
    return database


def _engine(path: Path, pragmas: Mapping[str, int | str], busy_seconds: float) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite+pysqlite", database=str(path)),
        isolation_level="AUTOCOMMIT",
        paramstyle="named",
        hide_parameters=True,
        connect_args={"timeout": busy_seconds},
        pool_size=8,
        max_overflow=56,
    )

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name} = {value}").close()

    return engine


def _claim(engine: sa.Engine, path: Path, busy_seconds: float) -> None:
    """See that the file is empty or ours, and let readers and writers not wait for each other in it."""
    with engine.connect() as connection:
        mark = connection.exec_driver_sql("PRAGMA application_id").scalar()
        if mark != MARK and connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar():
            raise SettingsError(
                f"{str(path)!r} is another program's database; move it away or choose another data folder"
            )
        _use_wal(connection, time.monotonic() + 2 * busy_seconds)


def _use_wal(connection: sa.Connection, deadline: float) -> None:
    while True:
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL").close()
        except sa.exc.OperationalError as error:
            # SQLite does not always wait by itself here, when two processes open a new file at once.
            if _code(error.orig) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _explain(path: Path, error: BaseException) -> StorageError:
    reason = _REASONS.get(_code(error), f"SQLite says: {error}")
    return StorageError(f"cannot use {str(path)!r}: {reason}")


def _code(error: BaseException | None) -> int:
    """Without what tells finer kinds of one error apart."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
