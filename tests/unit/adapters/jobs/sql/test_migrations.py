"""A database of an earlier release becomes one of this release, with all that is in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from adapters.jobs.sql import migrations
from adapters.jobs.sql.migrate import scripts_of_this_release, upgrade
from adapters.jobs.sql.sqlite import MARK, open_sqlite
from adapters.jobs.sql.tables import METADATA
from contracts.job_samples import drain, forget, make_job, start
from core.domain.errors import QueueTooLarge, StorageError
from core.domain.job import Expired, JobFilter, JobId, JobState
from core.ports.driven import QueueLimits
from tests.unit.adapters.jobs.sql.samples import opened

STORED = Path(__file__).parent / "jobs_0001.sql"
"""What a release with schema 0001 left, as SQL: written once, and never again."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}", isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


def schema(path: Path) -> dict[str, set[str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT tbl_name, sql FROM sqlite_master WHERE sql NOT NULL").fetchall()
    found: dict[str, set[str]] = {}
    for table, words in rows:
        found.setdefault(table, set()).add(" ".join(words.replace('"', "").split()))
    return found


def test_the_newest_revision_is_the_one_that_is_looked_for() -> None:
    assert scripts_of_this_release().get_heads() == [migrations.HEAD]


def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "jobs.sqlite")
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA)
    database.close()
    assert differences == []


def test_each_revision_can_be_reached_from_the_one_before(engine: sa.Engine) -> None:
    revisions = [script.revision for script in scripts_of_this_release().walk_revisions()][::-1]
    with engine.connect() as connection:
        for revision in revisions:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            upgrade(connection, revision, "it")
            connection.exec_driver_sql("COMMIT")
            assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == revision


def test_the_schema_is_the_same_by_either_way(tmp_path: Path) -> None:
    for name in ("new", "old"):
        if name == "old":
            load_stored(tmp_path / name)
        open_sqlite(tmp_path / name).close()
    assert schema(tmp_path / "old") == schema(tmp_path / "new")


def test_jobs_of_the_last_release_go_on(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    load_stored(path)
    with opened(path) as store:
        assert {state.value: count for state, count in store.counts().items()} == {
            "queued": 2, "running": 1, "succeeded": 1, "failed": 1, "cancelled": 1,
        }  # fmt: skip
        ended = store.get(JobId("done"))
        assert ended is not None
        assert ended.result is not None
        assert ended.result.images[0].infotext == "a cat\nSteps: 2"
        assert store.in_use([ended.result.images[0].blob]) == {ended.result.images[0].blob}
        (running,) = store.running()
        assert (running.id, running.lease and running.lease.token) == ("runs", "one")
        assert [job.id for job in store.select(JobFilter(states=frozenset({JobState.FAILED})))] == ["failed"]
        assert store.put(make_job("again", key="key of waits", digest="abc", owner="ann")).id == "waits"
        forget(store, "done")
        assert store.expired(JobId("done")) == Expired(None)
        store.put(make_job("new", client="new"))
        assert drain(store) == ["other", "new", "waits"]


def test_of_what_expired_before_nobody_knows_whose_it_was(tmp_path: Path, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        upgrade(connection, "0002", "it")
        connection.exec_driver_sql("INSERT INTO expired VALUES ('gone', 0)")
        connection.exec_driver_sql(f"PRAGMA application_id = {MARK}")
        connection.exec_driver_sql("COMMIT")
    with opened(tmp_path / "empty.sqlite") as store:
        assert store.expired(JobId("gone")) == Expired(None)


@pytest.mark.parametrize("found", ["0001", "0003"])
def test_what_waiting_jobs_hold_is_counted_from_every_release_on(
    tmp_path: Path, engine: sa.Engine, found: str
) -> None:
    path = tmp_path / "empty.sqlite"
    load_stored(path)
    with engine.connect() as older:
        older.exec_driver_sql("BEGIN IMMEDIATE")
        upgrade(older, found, "it")
        older.exec_driver_sql("COMMIT")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE jobs SET size = 600000 WHERE state = 'queued'")
    limits = QueueLimits(size=1_500_000)
    with opened(path) as store:
        new = replace(make_job("new"), input_size=400_000)
        with pytest.raises(QueueTooLarge):
            store.put(new, limits)
        store.take(start)
        store.put(new, limits)


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    load_stored(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE expired (something_else TEXT)")
    before = schema(path)
    with pytest.raises(StorageError, match=r"jobs\.sqlite.*already exists"):
        open_sqlite(path)
    assert schema(path) == before


def load_stored(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORED.read_text("utf-8"))
