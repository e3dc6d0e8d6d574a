"""Which store keeps the jobs, as the setting ``jobs.store`` says. Nothing is imported that is not used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from adapters.jobs.memory import MemoryJobStore
from core.domain.errors import SettingsError

if TYPE_CHECKING:
    from core.ports.driven import JobStore

Report: TypeAlias = Callable[[str | None], None]
FILE_NAME: Final = "jobs.sqlite"
_POSTGRES: Final = ("postgresql", "postgres", "postgresql+psycopg")


def open_job_store(value: str, data_dir: Path, report: Report = lambda reason: None) -> JobStore:
    """``memory``, ``sqlite`` (a file in the data folder; also ``auto``) or the URL of a PostgreSQL database.

    Raises ``SettingsError`` for another value, and what opening raises. No message holds a password.

    :param report: told the reason when a disk has failed to keep jobs, and None when that is over.
    """
    if value == "memory":
        return MemoryJobStore()
    if value in ("auto", "sqlite"):
        return _sqlite(data_dir / FILE_NAME, report)
    scheme = value.partition("://")[0]
    if "://" in value and scheme in _POSTGRES:
        return _postgres(value)
    # A URL may hold a password, and a slip of the pen may hide that it is one.
    shown = repr(scheme + "://…") if "://" in value else "another word"
    raise SettingsError(
        f"jobs.store is {shown}; it may be auto, memory, sqlite, or postgresql://user:password@host/database"
    )


def _sqlite(path: Path, report: Report) -> JobStore:
    from adapters.jobs.sql.sqlite import PATIENCE, open_sqlite
    from adapters.jobs.sql.store import SqlJobStore

    return SqlJobStore(open_sqlite(path, report=report), patience=PATIENCE)


def _postgres(value: str) -> JobStore:
    from adapters.jobs.sql.postgres import CHANNEL, PATIENCE, open_postgres, parse
    from adapters.jobs.sql.store import SqlJobStore

    database = open_postgres(parse(value))

    from adapters.jobs.sql.listener import PostgresListener

    return SqlJobStore(
        database, patience=PATIENCE, listen=lambda bell: PostgresListener(database, CHANNEL, bell)
    )
