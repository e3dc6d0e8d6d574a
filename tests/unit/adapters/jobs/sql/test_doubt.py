"""After a flush that failed nothing is told as kept until all was written once more."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from adapters.disk import storage_error
from adapters.jobs.sql.doubt import AGAIN_SECONDS, DoubtedDisk
from adapters.jobs.sql.rewriting import take_over, write_again, write_anew
from adapters.jobs.sql.sqlite import MARK, open_sqlite
from adapters.jobs.sql.store import SqlJobStore
from contracts.job_samples import make_job, start
from core.domain.errors import NotKept, StorageError
from core.domain.job import JobId
from tests.unit.adapters.jobs.sql.samples import QUICK

REASON = "cannot write 'jobs.sqlite-wal': Input/output error; until the disk has shown that it keeps jobs,"


class Disk:
    """One that can be made to fail, with its clock and with what was said of it.

    :ivar done: what was asked of it, in order.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "jobs.sqlite"
        self.now = 0.0
        self.fails = False
        self.done: list[str] = []
        self.said: list[str | None] = []

    def flush(self) -> None:
        self.done.append("flush")
        if self.fails:
            raise storage_error(Path(f"{self.path}-wal"), OSError(5, os.strerror(5)))

    def write_anew(self) -> None:
        self.done.append("write anew")

    def doubted(self) -> DoubtedDisk:
        return DoubtedDisk(
            self.flush,
            self.write_anew,
            folder=self.path.parent,
            report=self.said.append,
            seconds=lambda: self.now,
        )

    def store(self) -> SqlJobStore:
        database = open_sqlite(
            self.path, QUICK, 0.05, flush=self.flush, report=self.said.append, seconds=lambda: self.now
        )
        return SqlJobStore(database, patience=1)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


@pytest.fixture
def store(disk: Disk) -> Iterator[SqlJobStore]:
    store = disk.store()
    yield store
    store.close()


def size_of_log(disk: Disk) -> int:
    return Path(f"{disk.path}-wal").stat().st_size


def test_a_later_flush_that_succeeds_proves_nothing(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    doubted = disk.doubted()
    assert doubted.flush()
    disk.fails = True
    with pytest.raises(NotKept, match=f"^{REASON}"):
        doubted.flush()
    disk.fails = False
    for ask in (doubted.check, doubted.flush, doubted.check):
        with pytest.raises(NotKept, match=f"^{REASON}"):
            ask()
    assert disk.done == ["flush", "flush"]
    disk.now = AGAIN_SECONDS
    with caplog.at_level(logging.WARNING):
        doubted.check()
    doubted.check()
    assert doubted.flush()
    assert disk.done[2:] == ["flush", "write anew", "flush"]
    assert [reason and reason.startswith(REASON) for reason in disk.said] == [True, None]
    assert "once more" in caplog.text


def test_while_the_disk_fails_nothing_is_written_and_it_is_asked_again_only_after_a_while(disk: Disk) -> None:
    doubted = disk.doubted()
    disk.fails = True
    for _ in range(3):
        with pytest.raises(NotKept):
            doubted.flush()
        with pytest.raises(NotKept):
            doubted.check()
        disk.now += AGAIN_SECONDS
    assert disk.done == ["flush"] * 3
    assert None not in disk.said


def test_who_asks_while_another_writes_anew_does_not_wait(disk: Disk) -> None:
    def write_anew() -> None:
        with ThreadPoolExecutor(1) as pool, pytest.raises(NotKept):
            pool.submit(doubted.check).result(30)
        disk.done.append("refused")

    doubted = DoubtedDisk(disk.flush, write_anew, folder=disk.path, seconds=lambda: disk.now)
    disk.fails = True
    with pytest.raises(NotKept):
        doubted.flush()
    disk.fails, disk.now = False, AGAIN_SECONDS
    assert doubted.flush()
    assert disk.done == ["flush", "flush", "refused", "flush"]


def test_in_doubt_a_store_gives_nothing_out_and_takes_nothing(disk: Disk, store: SqlJobStore) -> None:
    store.put(make_job("a"))
    disk.fails = True
    with pytest.raises(NotKept, match="Input/output error"):
        store.put(make_job("b", key="once"))
    disk.fails = False
    for ask in (
        lambda: store.get(JobId("b")),
        lambda: store.take(start, 0),
        lambda: store.of_key(None, "once"),
        lambda: store.put(make_job("c")),
    ):
        with pytest.raises(NotKept):
            ask()
    disk.now = AGAIN_SECONDS
    assert store.put(make_job("c")).id == "c"
    assert {job.id for job in store.all()} == {"a", "b", "c"}
    found = store.of_key(None, "once")
    assert found is not None
    assert (found.id, disk.said[-1]) == ("b", None)


def test_what_was_in_the_log_is_written_anew_and_the_log_begins_anew(disk: Disk, store: SqlJobStore) -> None:
    disk.fails = True
    with pytest.raises(NotKept):
        store.put(make_job("a"))
    assert size_of_log(disk) > 0
    disk.fails, disk.now = False, AGAIN_SECONDS
    assert store.get(JobId("a")) is not None
    assert size_of_log(disk) == 0


def test_doubt_lasts_while_another_process_reads_what_is_to_be_written_anew(
    disk: Disk, store: SqlJobStore
) -> None:
    store.put(make_job("a"))
    disk.fails = True
    with closing(sqlite3.connect(disk.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs").fetchall()
        with pytest.raises(NotKept):
            store.put(make_job("b"))
        disk.fails, disk.now = False, AGAIN_SECONDS
        with pytest.raises(NotKept, match=r"^'jobs\.sqlite' cannot be written anew while another process"):
            store.get(JobId("b"))
    disk.now = 2 * AGAIN_SECONDS
    assert store.get(JobId("b")) is not None


def test_a_torn_log_is_not_copied(tmp_path: Path) -> None:
    """As a file system leaves it that gives what is on the disk, where that is not what was written."""
    path = tmp_path / "jobs.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE t (x TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 20)
        before, log = path.read_bytes(), Path(f"{path}-wal")
        with open(log, "r+b") as file:
            file.seek(log.stat().st_size // 2)
            file.write(bytes(20_000))
        with pytest.raises(StorageError, match="damaged"):
            write_anew(path, 0.05, partial(explained, path))
        assert path.read_bytes() == before


def explained(path: Path, error: BaseException) -> StorageError:
    return StorageError(f"{path} is damaged: {error}")


def test_a_file_that_sqlite_cannot_read_is_told_in_the_words_of_the_store(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"nothing" * 1000)
    with pytest.raises(StorageError, match="is damaged: file is not a database"):
        write_anew(path, 0.05, partial(explained, path))


def test_the_log_that_a_dead_process_left_is_written_anew_when_it_is_opened(
    disk: Disk, tmp_path: Path
) -> None:
    store = disk.store()
    store.put(make_job("a"))
    left = tmp_path / "left"
    left.mkdir()
    for name in ("jobs.sqlite", "jobs.sqlite-wal"):
        (left / name).write_bytes((tmp_path / name).read_bytes())
    store.close()
    later = Disk(left)
    again = later.store()
    assert size_of_log(later) == 0
    assert again.get(JobId("a")) is not None
    again.close()


def test_the_log_of_a_living_process_is_left_to_it(disk: Disk, store: SqlJobStore) -> None:
    store.put(make_job("a"))
    with closing(sqlite3.connect(disk.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs").fetchall()
        store.put(make_job("b"))
        other = disk.store()
        assert size_of_log(disk) > 0
        other.close()


def test_a_log_is_written_again_as_it_is(tmp_path: Path) -> None:
    """The system hands the same bytes to the disk once more, as to a file that was changed."""
    log = tmp_path / "jobs.sqlite-wal"
    content = os.urandom(2_500_000)
    log.write_bytes(content)
    os.utime(log, (1, 1))
    write_again(log)
    assert log.read_bytes() == content
    assert log.stat().st_mtime > 1
    write_again(tmp_path / "none")
    with pytest.raises(StorageError, match="a folder is in the way"):
        write_again(tmp_path)


def test_the_log_of_another_program_is_not_written_to(disk: Disk, store: SqlJobStore) -> None:
    store.put(make_job("a"))
    store.close()
    with closing(sqlite3.connect(disk.path)) as other:
        other.execute("PRAGMA application_id = 7")
        other.commit()
    take_over(disk.path, MARK)
    with closing(sqlite3.connect(disk.path)) as other:
        assert other.execute("SELECT count(*) FROM jobs").fetchone() == (1,)


def test_where_nothing_can_be_written_nothing_is_taken_over(tmp_path: Path) -> None:
    take_over(tmp_path / "none", MARK)
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_cannot_be_opened_is_told_of(disk: Disk) -> None:
    disk.store().close()
    Path(f"{disk.path}-wal").mkdir()
    with pytest.raises(StorageError, match="it cannot be opened"):
        disk.store()
