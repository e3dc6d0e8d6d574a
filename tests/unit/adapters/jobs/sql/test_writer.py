"""Many share a commit; none suffers for another."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.jobs.sql.database import Database, Session
from adapters.jobs.sql.sqlite import open_sqlite
from adapters.jobs.sql.writer import Writer
from core.domain.errors import JobConflict, NotKept, StorageError
from tests.unit.adapters.jobs.sql.samples import QUICK

COUNT = sa.text("SELECT count(*) FROM notes")
NOTE = sa.text("INSERT INTO notes (text) VALUES (:text)")
PAGES = 200


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """With a table for notes, no more room than ``PAGES``, and one rule that is checked at the commit."""
    database = open_sqlite(
        tmp_path / "jobs.sqlite", {**QUICK, "max_page_count": PAGES, "foreign_keys": "ON"}, busy_seconds=0.02
    )
    with database.reading() as session:
        session.command("CREATE TABLE notes (text TEXT PRIMARY KEY)")
        session.command(
            "CREATE TABLE replies (text TEXT REFERENCES notes (text) DEFERRABLE INITIALLY DEFERRED)"
        )
    yield database
    database.close()


@pytest.fixture
def writer(database: Database) -> Iterator[Writer]:
    writer = Writer(database, lambda queued: None)
    yield writer
    writer.close()


def note(text: str) -> Callable[[Session], str]:
    def work(session: Session) -> str:
        session.run(NOTE, {"text": text})
        return text

    return work


def notes(database: Database) -> int:
    with database.reading() as session:
        found: int = session.value(COUNT)
        return found


def together(writer: Writer, *works: Callable[[Session], object]) -> list[Future[object]]:
    """Let them be done in one group: all wait while the first transaction goes on."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        begun.set()
        assert go_on.wait(30)

    with ThreadPoolExecutor(len(works) + 1) as pool:
        holding = pool.submit(writer.run, hold)
        assert begun.wait(30)
        futures = []
        for count, work in enumerate(works, start=1):
            futures.append(pool.submit(writer.run, work))
            while writer.waiting < count:
                assert not futures[-1].done()
        go_on.set()
        holding.result(30)
    return futures


def test_those_that_wait_share_a_transaction(writer: Writer, database: Database) -> None:
    seen: list[int] = []

    def count_and_note(text: str) -> Callable[[Session], str]:
        def work(session: Session) -> str:
            # What is not committed yet is seen within the transaction only.
            seen.append(session.value(COUNT) - notes(database))
            return note(text)(session)

        return work

    futures = together(writer, *(count_and_note(text) for text in "abc"))
    assert [future.result() for future in futures] == ["a", "b", "c"]
    assert seen == [0, 1, 2]
    assert notes(database) == 3


def test_an_error_is_its_callers_alone(writer: Writer, database: Database) -> None:
    def refuse(session: Session) -> None:
        note("undone")(session)
        raise JobConflict("no")

    good, bad, other = together(writer, note("a"), refuse, note("b"))
    assert (good.result(), other.result()) == ("a", "b")
    with pytest.raises(JobConflict, match="no"):
        bad.result()
    assert notes(database) == 2


class FailedElsewhere:
    """A ``Disk``: the flush that another thread led has failed."""

    def check(self) -> None:
        """There is no doubt yet."""

    def flush(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is open."""


def test_a_flush_that_failed_elsewhere_fails_those_that_are_to_last(tmp_path: Path) -> None:
    sqlite = open_sqlite(tmp_path / "jobs.sqlite", QUICK)
    database = Database(sqlite.engine, begin=sqlite.begin, explain=StorageError, disk=FailedElsewhere())
    writer = Writer(database, lambda queued: None)
    with pytest.raises(NotKept, match="the disk failed"):
        writer.run(lambda session: None)
    assert writer.run(lambda session: "loose", lasting=False) == "loose"
    writer.close()
    database.close()


@pytest.mark.parametrize("is_next", [False, True])
def test_who_is_interrupted_while_waiting_leads_nobody(
    writer: Writer, database: Database, is_next: bool
) -> None:
    """A signal comes to the main thread while it waits, or in the moment in which it is told to lead."""
    begun, go_on, heard = threading.Event(), threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        begun.set()
        assert go_on.wait(30)

    def interrupt() -> None:
        main = threading.main_thread().ident or 0
        while not (writer.waiting and _is_inside(main, "_wait")):
            assert not go_on.is_set()
        while not heard.wait(0.1):  # a signal just before the wait does not end it
            signal.pthread_kill(main, signal.SIGUSR1)

    def stop(*_: object) -> None:
        if heard.is_set():
            return
        heard.set()
        if is_next:
            go_on.set()
            holding.result(30)
        raise InterruptedError

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with ThreadPoolExecutor(3) as pool:
            holding = pool.submit(writer.run, hold)
            assert begun.wait(30)
            interrupting = pool.submit(interrupt)
            with pytest.raises(InterruptedError):
                writer.run(note("never"))
            interrupting.result(30)
            assert writer.waiting == 0
            other = pool.submit(writer.run, note("a"))
            go_on.set()
            assert other.result(30) == "a"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert notes(database) == 1


class Late(Writer):
    """A signal comes when a thread has just been told to lead."""

    def _wait(self, task: Any) -> None:
        super()._wait(task)
        raise InterruptedError


def test_who_is_interrupted_before_it_leads_leaves_that_to_others(database: Database) -> None:
    writer, begun, go_on = Late(database, lambda queued: None), threading.Event(), threading.Event()

    def hold(session: Session) -> None:
        begun.set()
        assert go_on.wait(30)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(writer.run, hold)
        assert begun.wait(30)
        late = pool.submit(writer.run, note("never"))
        while not writer.waiting:
            assert not late.done()
        go_on.set()
        holding.result(30)
        with pytest.raises(InterruptedError):
            late.result(30)
    assert writer.run(note("a")) == "a"
    assert notes(database) == 1
    writer.close()


def _is_inside(thread: int, function: str) -> bool:
    """Beyond its first line, where a tool that counts lines may hold a lock that other threads need."""
    frame = sys._current_frames()[thread]
    code = frame.f_code
    return code.co_name == function and frame.f_lineno != code.co_firstlineno


def test_what_the_disk_refuses_fails_alone(writer: Writer, database: Database) -> None:
    small, large, other = together(writer, note("a"), note("x" * 4096 * PAGES), note("b"))
    assert (small.result(), other.result()) == ("a", "b")
    with pytest.raises(StorageError, match="the disk is full"):
        large.result()
    assert notes(database) == 2


def test_a_commit_that_fails_fails_for_all(writer: Writer, database: Database) -> None:
    def reply(session: Session) -> None:
        session.command("INSERT INTO replies VALUES ('to nobody')")

    futures = together(writer, note("a"), reply)
    errors = [future.exception() for future in futures]
    assert [type(error) for error in errors] == [StorageError, StorageError]
    assert errors[0] is not errors[1]
    assert notes(database) == 0
    assert writer.run(note("a")) == "a"


def test_a_leader_that_is_interrupted_leaves_nobody_waiting(writer: Writer, database: Database) -> None:
    def interrupt(session: Session) -> None:
        raise KeyboardInterrupt

    first, second = together(writer, note("a"), interrupt)
    errors = {type(future.exception()) for future in (first, second)}
    assert errors == {KeyboardInterrupt, StorageError}
    assert notes(database) == 0
    assert writer.run(note("a")) == "a"


def test_a_connection_that_broke_is_replaced(writer: Writer, database: Database) -> None:
    writer.run(note("a"))
    database.engine.dispose()
    writer.run(lambda session: session.command("SELECT 1"))

    def break_it(session: Session) -> None:
        session.command("COMMIT")

    with pytest.raises(StorageError):
        writer.run(break_it)
    assert writer.run(note("b")) == "b"
    assert notes(database) == 2


def test_the_end_waits_for_what_is_being_written(writer: Writer, database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold(session: Session) -> str:
        begun.set()
        assert go_on.wait(30)
        return note("a")(session)

    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(writer.run, hold)
        assert begun.wait(30)
        closing = pool.submit(writer.close)
        assert not closing.done()
        go_on.set()
        assert writing.result(30) == "a"
        closing.result(30)
    assert notes(database) == 1


def test_nothing_is_written_after_the_end(writer: Writer) -> None:
    writer.close()
    with pytest.raises(StorageError, match="closed"):
        writer.run(note("a"))


def test_who_is_told_of_jobs_hears_after_the_commit(database: Database) -> None:
    heard: list[tuple[int, int]] = []
    writer = Writer(database, lambda queued: heard.append((queued, notes(database))))

    def put(session: Session) -> None:
        note("a")(session)
        session.queued += 2

    writer.run(put)
    writer.run(note("b"))
    writer.close()
    assert heard == [(2, 1)]
