"""Writes that wait together share a transaction, so that many cost one flush of the disk."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from adapters.jobs.sql.database import Database, Session
from core.domain.errors import NotKept, StorageError

T = TypeVar("T")

LARGEST_GROUP: Final = 200


@dataclass(slots=True, eq=False)
class _Task:
    """One operation, and what came of it.

    :ivar leads: its thread is to lead. :ivar turn: held until that, or until the operation is done.
    """

    work: Callable[[Session], Any]
    lasting: bool
    value: Any = None
    error: Exception | None = None
    done: bool = False
    leads: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.turn.acquire()


class Writer:
    """Runs operations one after the other, for any thread.

    Of the threads that wait, one leads: it runs the operations of all of them in one transaction, each within
    a savepoint, so that one that fails takes no other with it. A lone caller leads itself and waits for no
    other thread. Each is woken once: by the one that did its operation, or to lead the next group.
    """

    def __init__(self, database: Database, on_queued: Callable[[int], None]) -> None:
        self._database = database
        self._on_queued = on_queued
        self._lock = threading.Lock()
        self._rests = threading.Condition(self._lock)
        self._waiting: list[_Task] = []
        self._is_led = False
        self._is_closed = False
        self._connection: sa.PoolProxiedConnection | None = None

    @property
    def waiting(self) -> int:
        """How many operations wait for a leader."""
        return len(self._waiting)

    def run(self, work: Callable[[Session], T], *, lasting: bool = True) -> T:
        """What ``work`` gives, once it is committed. Raises what it raises, or ``StorageError``:
        ``NotKept`` where it was committed, and may last or not.

        ``work`` may be called twice: what the first call did is undone then.

        :param lasting: false for what a loss of power (not the death of a process) may undo.
        """
        self._database.disk.check()
        task = _Task(work, lasting)
        try:
            with self._lock:
                self._waiting.append(task)
                task.leads, self._is_led = not self._is_led, True
            if not task.leads:
                self._wait(task)
            if not task.done:
                self._lead(task)
        except BaseException:  # a signal, at any of these moments
            self._leave(task)
            raise
        if task.error is not None:
            raise task.error
        value: T = task.value
        return value

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            while self._is_led:
                self._rests.wait()
            self._drop()

    def _wait(self, task: _Task) -> None:
        task.turn.acquire()

    def _leave(self, task: _Task) -> None:
        """Nobody may wait for this thread to lead."""
        with self._lock:
            is_waiting = task in self._waiting
            if is_waiting:
                self._waiting.remove(task)
        if is_waiting and task.leads:
            self._hand_over()

    def _lead(self, own: _Task) -> None:
        group: list[_Task] = []
        try:
            with self._lock:
                group, self._waiting = self._waiting, []
            try:
                for first in range(0, len(group), LARGEST_GROUP):
                    self._serve(group[first : first + LARGEST_GROUP])
            finally:
                _give_up(group, StorageError("a job was not stored: its process was interrupted"))
                self._hand_over()
            self._flush([task for task in group if task.lasting and task.error is None])
        finally:
            for task in group:
                if task is not own:
                    task.turn.release()

    def _flush(self, tasks: list[_Task]) -> None:
        """Others may write on meanwhile."""
        if not tasks:
            return
        try:
            if not self._database.disk.flush():
                _fail(tasks, NotKept("the disk failed to keep a job; it is tried whether it can again"))
        except StorageError as error:
            _fail(tasks, error)

    def _hand_over(self) -> None:
        """The first of those that came meanwhile leads them."""
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].turn.release()
            else:
                self._rests.notify_all()

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
    _fail([task for task in group if not task.done], cause)


def _fail(group: list[_Task], cause: StorageError) -> None:
    for task in group:
        # Each thread raises an error of its own: two would write into the traceback of one.
        task.error, task.done = type(cause)(*cause.args), True
