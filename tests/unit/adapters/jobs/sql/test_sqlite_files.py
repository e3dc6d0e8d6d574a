"""What may be wrong with the file, and what users are told."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from adapters.jobs.choose import open_job_store
from adapters.jobs.sql.sqlite import PRAGMAS, open_sqlite
from adapters.jobs.sql.store import SqlJobStore
from contracts.job_samples import make_job
from core.domain.errors import SettingsError, StorageError
from core.domain.job import JobId
from tests.unit.adapters.jobs.sql.samples import QUICK, opened


def test_readers_and_writers_share_a_log_that_the_store_flushes(tmp_path: Path) -> None:
    """``synchronous`` 1 is NORMAL: a commit leaves the log to us, and no copy of it overtakes it."""
    database = open_sqlite(tmp_path / "jobs.sqlite")
    with database.engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode")
        ]
    assert database.disk.flush()
    database.close()
    assert found == [1, "wal"]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"this is a text file, not a database\n" * 100)
    before = path.read_bytes()
    with pytest.raises(StorageError, match=r"jobs\.sqlite.*damaged.*move it away"):
        open_job_store("sqlite", tmp_path)
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE jobs (id TEXT)")
    before = path.read_bytes()
    with pytest.raises(SettingsError, match=r"jobs\.sqlite.*another program's.*move it away"):
        open_job_store("sqlite", tmp_path)
    assert path.read_bytes() == before


def test_the_database_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "jobs.sqlite") as store:
        store.put(make_job("a"))
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match=r"jobs\.sqlite.*later release.*9999"):
        open_job_store("sqlite", tmp_path)


def test_a_database_that_was_damaged_says_so_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with opened(path) as store:
        for number in range(200):
            store.put(make_job(f"job-{number}"))
    data = path.read_bytes()
    path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))
    with pytest.raises(StorageError, match=r"jobs\.sqlite.*damaged"), opened(path) as store:
        store.all()


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").mkdir()
    with pytest.raises(StorageError, match=r"jobs\.sqlite.*cannot be opened"):
        open_job_store("sqlite", tmp_path)


def test_a_file_in_place_of_the_data_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(StorageError, match="in the way"):
        open_job_store("sqlite", tmp_path / "data")


def test_a_full_disk_costs_nothing_that_was_kept(tmp_path: Path) -> None:
    """``max_page_count`` makes SQLite fail as it does on a full disk."""
    path = tmp_path / "jobs.sqlite"
    kept: list[str] = []

    def fill(store: SqlJobStore) -> None:
        while True:
            kept.append(store.put(make_job(f"job-{len(kept)}")).id)

    with opened(path, {**QUICK, "max_page_count": 60}) as store:
        with pytest.raises(StorageError, match=r"jobs\.sqlite.*the disk is full; free some space"):
            fill(store)
        assert [job.id for job in store.all()] == kept
        # What takes no room still works.
        assert store.take(lambda job: job.start(job.created_at), 0) is not None
    with opened(path) as store:
        store.put(make_job("after"))
        assert [job.id for job in store.all()] == [*kept, "after"]


def test_a_database_that_somebody_locks_says_so(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with opened(path, QUICK, busy_seconds=0.02) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageError, match="another process keeps it locked"):
                store.put(make_job("a"))
            connection.execute("ROLLBACK")
        assert store.put(make_job("a")).id == "a"


def test_what_nobody_foresaw_is_told_in_the_words_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    with opened(path) as store:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DROP TABLE jobs")
        with pytest.raises(StorageError, match="SQLite says: no such table"):
            store.get(JobId("a"))


def test_many_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    def put(number: int) -> None:
        with opened(tmp_path / "jobs.sqlite", PRAGMAS) as store:
            store.put(make_job(str(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(8)))
    with opened(tmp_path / "jobs.sqlite") as store:
        assert sorted(job.id for job in store.all()) == [str(number) for number in range(8)]


@pytest.mark.parametrize("hold", ["BEGIN EXCLUSIVE", "BEGIN; SELECT * FROM sqlite_master"])
def test_a_file_that_stays_locked_while_it_is_opened_says_so(tmp_path: Path, hold: str) -> None:
    path = tmp_path / "jobs.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for words in hold.split(";"):
            connection.execute(words).fetchall()
        with pytest.raises(StorageError, match="another process keeps it locked"):
            open_sqlite(path, QUICK, busy_seconds=0.05)
    open_sqlite(path, QUICK).close()
