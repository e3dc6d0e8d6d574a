"""A database of PostgreSQL, by URL."""

from __future__ import annotations

import re
from typing import Any, Final

import sqlalchemy as sa

from adapters.jobs.sql.database import Database
from adapters.jobs.sql.migrate import bring_up
from core.domain.errors import SettingsError, StorageError

CHANNEL: Final = "serena_jobs"
PATIENCE: Final = 2.0
CONNECT_SECONDS: Final = 10

# Order and limits depend on all jobs that wait, so one process writes at a time. The lock ends with the
# transaction, whatever becomes of the process. A server may have other defaults; in another isolation level
# one would see what was there before the lock was got.
_LOCK: Final = 0x53_6572_656E_61
BEGIN: Final = (f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({_LOCK})",)
ANNOUNCE: Final = f"NOTIFY {CHANNEL}"

# What the URL or the server sets otherwise stays, but for one thing: lasting is lasting.
_UNLESS: Final = "SELECT set_config('{0}', '{2}', false) WHERE current_setting('{0}') = '{1}'"
_SESSION: Final = (
    _UNLESS.format("synchronous_commit", "off", "on"),
    _UNLESS.format("lock_timeout", "0", "30s"),
    # A process that was stopped in the middle must not keep the others out.
    _UNLESS.format("idle_in_transaction_session_timeout", "0", "60s"),
)

_REASONS: Final = {
    "42501": "the user may not make or change tables there; grant it",
    "53": "it has no room: disk, memory or connections; see to the server",
    "25006": "it is read-only; name the primary server in jobs.store",
    "55P03": "another process keeps it locked; end that one, or try again",
    "57P": "it is being stopped or started; try again",
    "08": "the connection broke; try again",
}
_FATAL: Final = re.compile("FATAL: *(.+)")
_SILENT: Final = "it does not answer; see that it runs and can be reached"


def parse(value: str) -> sa.URL:
    """The URL of a setting. Raises ``SettingsError``, without the URL: it may hold a password."""
    try:
        url = sa.make_url(value)
    except (sa.exc.ArgumentError, ValueError):
        raise SettingsError(
            "jobs.store is no URL of the form postgresql://user:password@host:port/database"
        ) from None
    return url.set(drivername="postgresql+psycopg")


def open_postgres(url: sa.URL) -> Database:
    """The database of that URL, made or brought to this release's schema if need be.

    Raises ``StorageError`` when it cannot be reached or refuses, ``SettingsError`` when a later release has
    changed it. No message holds the password.
    """
    engine = _engine(url)
    shown = name_of(url)
    database = Database(engine, begin=BEGIN, announce=ANNOUNCE, explain=lambda error: _explain(shown, error))
    try:
        with database.explained():
            bring_up(engine, BEGIN, shown)
    except BaseException:
        database.close()
        raise
    return database


def name_of(url: sa.URL) -> str:
    return f"the PostgreSQL database {url.database or ''!r} at {url.host or 'the local socket'}"


def _engine(url: sa.URL) -> sa.Engine:
    try:
        engine = sa.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8"},
            pool_size=4,
            max_overflow=12,
        )
    except ModuleNotFoundError as error:
        raise SettingsError(
            "jobs.store is a PostgreSQL URL, but psycopg is not installed; "
            "install the extra: pip install 'serena[postgres]'"
        ) from error

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.autocommit = True
        for words in _SESSION:
            connection.execute(words)

    return engine


def _explain(shown: str, error: BaseException) -> StorageError:
    state: str | None = getattr(error, "sqlstate", None)
    if state is None:
        # The driver gives no code for what happens while it connects. What the server says has no password.
        said = _FATAL.search(str(error))
        return StorageError(f"cannot use {shown}: {f'it says: {said[1]}' if said else _SILENT}")
    reason = next((text for prefix, text in _REASONS.items() if state.startswith(prefix)), None)
    return StorageError(f"cannot use {shown}: {reason or _said(error)}")


def _said(error: BaseException) -> str:
    said = getattr(getattr(error, "diag", None), "message_primary", None)
    return f"it says: {said or type(error).__name__}"
