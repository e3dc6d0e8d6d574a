"""What is done for every job is found by an index: no scan, no sort."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from adapters.jobs.sql import queries
from adapters.jobs.sql import statements as say
from adapters.jobs.sql.database import Database
from adapters.jobs.sql.sqlite import open_sqlite
from core.domain.job import JobState

PARAMETER = re.compile(r":(\w+)")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = open_sqlite(tmp_path_factory.mktemp("plans") / "jobs.sqlite")
    yield database
    database.close()


def plan(database: Database, statement: sa.ClauseElement) -> list[str]:
    words, literals = database.words.of(statement, None)
    values = {**dict.fromkeys(PARAMETER.findall(words), 0), **literals}
    with database.engine.connect() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values)]


def in_states(*states: JobState, asked: str = "at_most") -> sa.ClauseElement:
    return queries.selection(frozenset(asked.split()), frozenset(states) or None)


SEARCHED = {
    "put": say.BEFORE_PUT,
    "turn": say.LAST_TURN,
    "update": say.LOCKED,
    "write": say.UPDATE_ALL,
    "clock": say.TALLY,
    "get": queries.BY_ID,
    "key": queries.OF_KEY,
    "due": queries.DUE,
    "position": queries.BEFORE,
    "blob": say.REFERRED,
    "expired": say.GONE,
    "of an owner": in_states(asked="owner at_most"),
    "of a client": in_states(asked="client after at_most"),
    "failed": in_states(JobState.FAILED),
}


@pytest.mark.parametrize("name", SEARCHED)
def test_what_is_asked_is_searched_and_not_sorted(database: Database, name: str) -> None:
    steps = plan(database, SEARCHED[name])
    assert any(step.startswith("SEARCH") for step in steps)
    assert [step for step in steps if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"] == []
    assert [step for step in steps if "TEMP B-TREE" in step] == []


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (say.NEXT, "jobs_in_line"),
        (say.ANY_QUEUED, "jobs_waiting"),
        (in_states(JobState.QUEUED), "jobs_waiting"),
        (in_states(JobState.RUNNING), "jobs_running"),
    ],
)
def test_what_is_first_in_an_index_is_read_there(
    database: Database, statement: sa.ClauseElement, index: str
) -> None:
    assert plan(database, statement) == [f"SCAN jobs USING INDEX {index}"]


def test_what_runs_is_found_among_what_runs(database: Database) -> None:
    assert plan(database, queries.IN_WORK)[0] == "SCAN jobs USING INDEX jobs_running"


def test_the_newest_come_from_the_end_of_the_table(database: Database) -> None:
    assert plan(database, in_states()) == ["SCAN jobs"]
