"""Hears of jobs that other processes put into a PostgreSQL database."""

from __future__ import annotations

import contextlib
import threading
from typing import Final

import psycopg
import sqlalchemy as sa

from adapters.jobs.sql.bell import Bell
from adapters.jobs.sql.database import Database

_AGAIN_SECONDS: Final = 1.0


class PostgresListener:
    """A thread with a connection of its own that rings the bell at each notification.

    While the server is away it tries again and again; takers look by themselves meanwhile, since the bell has
    only so much patience.
    """

    def __init__(self, database: Database, channel: str, bell: Bell) -> None:
        self._database = database
        self._channel = channel
        self._bell = bell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="job-listener", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        # It waits for a notification: send one. Where the server is away, it sees the event soon.
        with contextlib.suppress(Exception), self._database.reading() as session:
            session.command(f"NOTIFY {self._channel}")
        self._thread.join(_AGAIN_SECONDS + 1)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except (psycopg.Error, sa.exc.SQLAlchemyError):
                self._stopping.wait(_AGAIN_SECONDS)

    def _listen(self) -> None:
        pooled = self._database.engine.raw_connection()
        connection = pooled.driver_connection
        assert isinstance(connection, psycopg.Connection)
        # It stays out of the pool: nobody else shall be sent its notifications.
        pooled.detach()
        with contextlib.closing(connection):
            connection.execute(f"LISTEN {self._channel}".encode())
            # What was put while nobody listened was not announced to us.
            self._bell.ring()
            self._ring_for(connection)

    def _ring_for(self, connection: psycopg.Connection) -> None:
        notifications = connection.notifies()
        while not self._stopping.is_set():
            next(notifications)
            self._bell.ring()
