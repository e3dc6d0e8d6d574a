"""Reading: connections at hand, and what happens when one has broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.jobs.sql.database import HELD, Database, Session
from adapters.jobs.sql.sqlite import open_sqlite
from core.domain.errors import JobConflict, StorageError
from tests.unit.adapters.jobs.sql.samples import QUICK


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_sqlite(tmp_path / "jobs.sqlite", QUICK)
    yield database
    database.close()


def nothing(session: Session) -> None:
    session.command("SELECT 1")


def test_what_broke_at_hand_is_read_again(database: Database) -> None:
    database.read(nothing)
    sessions: list[Session] = []

    def work(session: Session) -> str:
        sessions.append(session)
        session.command("nonsense" if len(sessions) == 1 else "SELECT 1")
        return "read"

    assert database.read(work) == "read"
    assert len(sessions) == 2


def test_one_that_flushes_with_each_commit_needs_nothing_else(database: Database) -> None:
    plain = Database(database.engine, begin=database.begin, explain=StorageError)
    assert plain.disk.flush()
    assert plain.read(lambda session: "read") == "read"
    plain.close()


def test_what_breaks_twice_is_told(database: Database) -> None:
    with pytest.raises(StorageError, match="nonsense"):
        database.read(lambda session: session.command("nonsense"))


def test_an_error_that_is_none_of_the_database_goes_through(database: Database) -> None:
    def refuse(session: Session) -> None:
        raise JobConflict("no")

    with pytest.raises(JobConflict, match="no"):
        database.read(refuse)


def test_any_number_may_read_at_once(database: Database) -> None:
    def deeper(depth: int) -> int:
        return database.read(lambda session: 1 + (deeper(depth - 1) if depth else 0))

    assert deeper(2 * HELD) == 2 * HELD + 1
    assert deeper(0) == 1
