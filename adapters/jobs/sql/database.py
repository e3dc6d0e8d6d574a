"""A database as the store uses it: connections, statements in its own words, and what its errors mean."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import exc

from adapters.jobs.sql.known import KnownJobs
from core.domain.errors import StorageError

T = TypeVar("T")

Row = Mapping[str, Any]
HELD: Final = 4
"""So many connections are kept at hand for who reads; the pool takes ten times as long to give one."""


class Words:
    """Statements in the words of one kind of database, each put into words once.

    The driver runs them itself: what SQLAlchemy does at each execution takes ten times as long as SQLite.
    """

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        self._known: dict[sa.ClauseElement, tuple[str, dict[str, Any]]] = {}

    def of(self, statement: sa.ClauseElement, values: Row | None) -> tuple[str, Row]:
        if (known := self._known.get(statement)) is None:
            compiled = statement.compile(dialect=self._dialect, compile_kwargs={"render_postcompile": True})
            literals = {name: value for name, value in compiled.params.items() if value is not None}
            known = self._known[statement] = (str(compiled), literals)
        return known[0], {**known[1], **(values or {})}


class Session:
    """Runs statements on one connection.

    :ivar queued: how many jobs came, or came back, to the queue.
    :ivar known: the jobs that were seen last.
    """

    def __init__(self, connection: sa.PoolProxiedConnection, words: Words, known: KnownJobs) -> None:
        self._cursor: Any = connection.cursor()
        self._words = words
        self.queued = 0
        self.known = known

    def close(self) -> None:
        """Let go of what was read: a statement that is not at its end holds up the others."""
        self._cursor.close()

    def command(self, words: str) -> None:
        self._cursor.execute(words)

    def run(self, statement: sa.ClauseElement, values: Row | None = None) -> None:
        self._cursor.execute(*self._words.of(statement, values))

    def run_many(self, statement: sa.ClauseElement, values: Sequence[Row]) -> None:
        if values:
            words = self._words.of(statement, None)[0]
            self._cursor.executemany(words, values)

    def rows(self, statement: sa.ClauseElement, values: Row | None = None) -> list[dict[str, Any]]:
        self.run(statement, values)
        names = [column[0] for column in self._cursor.description]
        return [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]

    def row(self, statement: sa.ClauseElement, values: Row | None = None) -> dict[str, Any] | None:
        """The first row; None if there is none."""
        found = self.rows(statement, values)
        return found[0] if found else None

    def value(self, statement: sa.ClauseElement, values: Row | None = None) -> Any:
        """The first column of the first row; None if there is none."""
        self.run(statement, values)
        row = self._cursor.fetchone()
        return None if row is None else row[0]


class Disk(Protocol):
    """What brings commits to the disk."""

    def check(self) -> None:
        """Raise ``NotKept`` while nobody knows whether what was committed lasts: then nothing that is read
        may be told."""
        ...

    def flush(self) -> bool:
        """Bring all that was committed to the disk; False where another thread's flush was to do that, and
        failed. Raises ``StorageError``."""
        ...

    def close(self) -> None: ...


class EachCommit:
    """The ``Disk`` of a database that flushes within each commit, and ends itself when that fails."""

    def check(self) -> None:
        """What can be read lasts."""

    def flush(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""


class Database:
    """One place where jobs are kept.

    Connections commit each statement by itself; who needs a transaction says so.

    :ivar begin: what opens a transaction that writes. While it is open nobody else writes.
    :ivar disk: what brings commits to the disk; a commit itself, unless told otherwise.
    :ivar announce: what tells other processes, within that transaction, that a job waits.
    :ivar errors: what the driver and SQLAlchemy raise.
    """

    def __init__(
        self,
        engine: sa.Engine,
        *,
        begin: Sequence[str],
        explain: Callable[[BaseException], StorageError],
        disk: Disk | None = None,
        announce: str | None = None,
    ) -> None:
        driver = engine.dialect.dbapi
        assert driver is not None
        self.engine = engine
        self.begin: Final = tuple(begin)
        self.disk: Final = disk or EachCommit()
        self.announce: Final = announce
        self.errors: Final[tuple[type[Exception], ...]] = (exc.SQLAlchemyError, driver.Error)
        self._explain = explain
        self.words: Final = Words(engine.dialect)
        self._known = KnownJobs()
        self._held: list[sa.PoolProxiedConnection] = []
        self._is_closed = False

    def session(self, connection: sa.PoolProxiedConnection) -> Session:
        return Session(connection, self.words, self._known)

    def read(self, work: Callable[[Session], T]) -> T:
        """What ``work`` gives, which changes nothing. Raises what it raises, or ``StorageError``.

        It may be called twice: the connection at hand may have broken since it was used.
        """
        self.disk.check()
        with contextlib.suppress(IndexError, *self.errors):
            return self._read_on(self._held.pop(), work)
        with self.explained():
            return self._read_on(self.engine.raw_connection(), work)

    def _read_on(self, connection: sa.PoolProxiedConnection, work: Callable[[Session], T]) -> T:
        try:
            with contextlib.closing(self.session(connection)) as session:
                found = work(session)
        except self.errors:
            with contextlib.suppress(*self.errors):
                connection.invalidate()
            raise
        except BaseException:
            connection.close()
            raise
        if len(self._held) < HELD and not self._is_closed:
            self._held.append(connection)
        else:
            connection.close()
        return found

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session of its own, for statements that change nothing. Raises ``StorageError``."""
        with self.explained(), contextlib.closing(self.engine.raw_connection()) as connection:
            yield self.session(connection)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """The driver's errors come out as ``StorageError``."""
        try:
            yield
        except self.errors as error:
            raise self.explain(error) from error

    def explain(self, error: BaseException) -> StorageError:
        return self._explain(getattr(error, "orig", None) or error)

    def close(self) -> None:
        self._is_closed = True
        self.disk.close()
        while self._held:
            self._held.pop().close()
        self.engine.dispose()
