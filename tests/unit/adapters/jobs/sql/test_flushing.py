"""What was accepted is on the disk, and those who wait at once wait for one flush."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.jobs.sql.flushing import LogFile, SharedFlush
from adapters.jobs.sql.sqlite import open_sqlite
from adapters.jobs.sql.store import SqlJobStore
from contracts.job_samples import make_job, start
from core.domain.errors import StorageError
from core.domain.job import JobId
from tests.unit.adapters.jobs.sql.samples import QUICK


class Disk:
    """Counts flushes.

    :ivar go: a flush ends only once it is set.
    :ivar trouble: what a flush raises.
    """

    def __init__(self) -> None:
        self.flushes = 0
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()
        self.trouble: StorageError | None = None

    def flush(self) -> None:
        self.flushes += 1
        self.begun.set()
        assert self.go.wait(30)
        if self.trouble is not None:
            raise self.trouble


def store_on(disk: Disk, folder: Path) -> SqlJobStore:
    return SqlJobStore(open_sqlite(folder / "jobs.sqlite", QUICK, flush=disk.flush), patience=1)


def test_what_is_accepted_or_ended_is_flushed_and_what_is_taken_is_not(tmp_path: Path) -> None:
    disk = Disk()
    store = store_on(disk, tmp_path)
    store.put(make_job("a"))
    assert disk.flushes == 1
    assert store.take(start, 0) is not None
    assert disk.flushes == 1
    store.update(JobId("a"), lambda job: job.request_stop())
    assert disk.flushes == 2
    store.close()


def test_the_id_of_a_job_that_was_found_by_its_key_is_flushed_before_it_is_told(tmp_path: Path) -> None:
    disk = Disk()
    store = store_on(disk, tmp_path)
    store.put(make_job("a", key="once"))
    assert store.of_key(None, "twice") is None
    assert disk.flushes == 1
    found = store.of_key(None, "once")
    assert found is not None
    assert (found.id, disk.flushes) == ("a", 2)
    store.close()


def test_a_job_is_taken_while_the_disk_is_waited_for(tmp_path: Path) -> None:
    disk = Disk()
    store = store_on(disk, tmp_path)
    disk.go.clear()
    with ThreadPoolExecutor(1) as pool:
        putting = pool.submit(store.put, make_job("a"))
        assert disk.begun.wait(30)
        assert store.take(start, 30) is not None
        assert not putting.done()
        disk.go.set()
        assert putting.result(30).id == "a"
    store.close()


def waiting(flush: SharedFlush, disk: Disk, count: int) -> list[bool | BaseException]:
    """Answers of one whose flush has begun, and of ``count`` who came after that."""
    disk.go.clear()
    with ThreadPoolExecutor(count + 1) as pool:
        answers = [pool.submit(flush.wait)]
        assert disk.begun.wait(30)
        answers += [pool.submit(flush.wait) for _ in range(count)]
        while flush.waiting < count:
            assert not answers[-1].done()
        disk.go.set()
        return [answer.exception(30) or answer.result(30) for answer in answers]


def test_those_who_come_while_a_flush_goes_on_share_the_next() -> None:
    disk = Disk()
    assert waiting(SharedFlush(disk.flush), disk, 5) == [True] * 6
    assert disk.flushes == 2


def test_those_who_share_a_flush_share_its_failure() -> None:
    disk = Disk()
    disk.trouble = StorageError("no")
    first, *others = waiting(SharedFlush(disk.flush), disk, 3)
    assert isinstance(first, StorageError)
    assert sorted(map(str, others)) == ["False", "False", "no"]


def test_a_log_is_flushed_and_so_is_the_name_of_a_new_one(tmp_path: Path) -> None:
    log, path = LogFile(tmp_path / "jobs.sqlite"), tmp_path / "jobs.sqlite-wal"
    log.flush()  # none is there: all of it is in the database
    assert not log.exists
    for _ in range(2):
        (tmp_path / "new").write_bytes(b"x")
        (tmp_path / "new").rename(path)
        log.flush()
        log.flush()
    assert log.exists
    log.close()


def test_a_log_stays_open_until_the_store_is_closed(tmp_path: Path) -> None:
    """Who has it open is told of a write that fails, also by another's flush."""
    path = tmp_path / "jobs.sqlite-wal"
    path.write_bytes(b"x")
    log = LogFile(tmp_path / "jobs.sqlite")
    log.flush()
    assert open_files(path) == 1
    log.close()
    log.flush()  # of a thread that had committed before
    assert open_files(path) == 0


def open_files(path: Path) -> int:
    links = [Path("/proc/self/fd") / name for name in os.listdir("/proc/self/fd")]
    return sum(link.is_symlink() and link.resolve() == path for link in links)


def test_a_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite-wal").mkdir()
    with pytest.raises(StorageError, match=r"jobs\.sqlite-wal"):
        LogFile(tmp_path / "jobs.sqlite").flush()


def test_a_log_that_cannot_be_flushed_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite-wal").symlink_to("/dev/null")  # of which there is nothing to flush
    with pytest.raises(StorageError, match=r"jobs\.sqlite-wal"):
        LogFile(tmp_path / "jobs.sqlite").flush()
