"""Writes that wait together share a transaction, so that many cost one flush of the disk."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from adapters.jobs.sql.database import Database, Session
from core.domain.errors import StorageError

T = TypeVar("T")

LARGEST_GROUP: Final = 200


@dataclass(slots=True, eq=False)
class _Task:
    """One operation, and what came of it."""

    work: Callable[[Session], Any]
    value: Any = None
    error: Exception | None = None
    done: bool = False


class Writer:
    """Runs operations one after the other, for any thread.

    Of the threads that wait, one leads: it runs the operations of all of them in one transaction, each within
    a savepoint, so that one that fails takes no other with it. A lone caller leads itself and waits for no
    other thread.
    """

    def __init__(self, database: Database, on_queued: Callable[[int], None]) -> None:
        self._database = database
        self._on_queued = on_queued
        self._changed = threading.Condition()
        self._waiting: list[_Task] = []
        self._is_led = False
        self._is_closed = False
        self._connection: sa.PoolProxiedConnection | None = None

    @property
    def waiting(self) -> int:
        """How many operations wait for a leader."""
        return len(self._waiting)

    def run(self, work: Callable[[Session], T]) -> T:
        """What ``work`` gives, once it is committed. Raises what it raises, or ``StorageError``.

        ``work`` may be called twice: what the first call did is undone then.
        """
        task = _Task(work)
        with self._changed:
            self._waiting.append(task)
            while self._is_led and not task.done:
                self._changed.wait()
            if not task.done:
                self._is_led = True
        if not task.done:
            self._lead()
        if task.error is not None:
            raise task.error
        value: T = task.value
        return value

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            while self._is_led:
                self._changed.wait()
            self._drop()

    def _lead(self) -> None:
        with self._changed:
            group, self._waiting = self._waiting, []
        try:
            for first in range(0, len(group), LARGEST_GROUP):
                self._serve(group[first : first + LARGEST_GROUP])
        finally:
            with self._changed:
                _give_up(group, StorageError("a job was not stored: its process was interrupted"))
                self._is_led = False
                self._changed.notify_all()

    def _serve(self, group: list[_Task]) -> None:
        try:
            self._transact(group)
        except _NotDone as failed:
            self._drop()
            if len(group) == 1 or not failed.is_of_one:
                _give_up(group, failed.cause)
            else:
                # One of them met what the database refuses, as a full disk: the others shall not suffer.
                for task in group:
                    self._serve([task])

    def _transact(self, group: list[_Task]) -> None:
        session = self._begin()
        run = self._run if len(group) > 1 else self._run_alone
        try:
            errors = [run(task, session) for task in group]
            if session.queued and self._database.announce:
                session.command(self._database.announce)
        except self._database.errors as error:
            raise _NotDone(self._database.explain(error), is_of_one=True) from error
        except BaseException:
            self._drop()
            raise
        try:
            session.command("COMMIT" if None in errors else "ROLLBACK")
        except self._database.errors as error:
            raise _NotDone(self._database.explain(error), is_of_one=False) from error
        for task, own_error in zip(group, errors, strict=True):
            task.error, task.done = own_error, True
        if session.queued:
            self._on_queued(session.queued)

    def _begin(self) -> Session:
        """A transaction; on a new connection where the one that was held has broken meanwhile."""
        was_held = self._connection is not None
        try:
            session = self._database.session(self._connect())
            for words in self._database.begin:
                session.command(words)
        except self._database.errors as error:
            self._drop()
            if was_held:
                return self._begin()
            raise _NotDone(self._database.explain(error), is_of_one=False) from error
        return session

    def _run_alone(self, task: _Task, session: Session) -> Exception | None:
        """Do the only operation of a transaction. Gives the error that is its own; those of the database go
        through."""
        try:
            task.value = task.work(session)
        except self._database.errors:
            raise
        except Exception as error:
            return error
        return None

    def _run(self, task: _Task, session: Session) -> Exception | None:
        """Do one of several, within a savepoint."""
        session.command("SAVEPOINT one")
        own_error = self._run_alone(task, session)
        if own_error is not None:
            session.command("ROLLBACK TO SAVEPOINT one")
        session.command("RELEASE SAVEPOINT one")
        return own_error

    def _connect(self) -> sa.PoolProxiedConnection:
        if self._is_closed:
            raise _NotDone(StorageError("the job store is closed"), is_of_one=False)
        if self._connection is None:
            self._connection = self._database.engine.raw_connection()
        return self._connection

    def _drop(self) -> None:
        """Close the connection, which ends its transaction; the next one is new."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*self._database.errors):
                connection.invalidate()


class _NotDone(Exception):
    """A transaction that did not take place, or of which nobody knows whether it did.

    :ivar is_of_one: it may well be the fault of one operation, and nothing of the group has happened.
    """

    def __init__(self, cause: StorageError, *, is_of_one: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.is_of_one = is_of_one


def _give_up(group: list[_Task], cause: StorageError) -> None:
    for task in group:
        if not task.done:
            # Each thread raises an error of its own: two would write into the traceback of one.
            task.error, task.done = type(cause)(*cause.args), True
