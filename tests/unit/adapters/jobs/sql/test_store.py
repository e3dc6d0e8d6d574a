"""What a store in a database does besides what every store must."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.jobs.sql.operations import REMEMBERED
from adapters.jobs.sql.rows import text
from adapters.jobs.sql.sqlite import open_sqlite
from adapters.jobs.sql.store import SqlJobStore
from contracts.job_samples import at, drain, end, forget, make_job, make_result, start
from core.domain.errors import StorageError
from core.domain.job import Expired, Job, JobId, JobState
from core.ports.driven import JobStore, QueueLimits
from tests.unit.adapters.jobs.sql.samples import QUICK, opened

ODD = [
    "",
    "\0",
    "\ud800",
    "\\",
    "\\0000",
    "a\\\\b",
    "é€😀",
    "x" * 10_000,
    "x" * 9_999 + "y",
    "'; DROP TABLE jobs",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqlJobStore]:
    with opened(path) as store:
        yield store


def test_odd_names_stay_apart() -> None:
    assert len({text(name) for name in ODD}) == len(ODD)
    assert max(len(text(name)) for name in ODD) <= 500
    assert text("job-1 é") == "job-1 é"


def test_odd_names_are_names(store: SqlJobStore) -> None:
    for name in ODD:
        job = make_job(name, owner=name, client=name, key=name)
        assert store.put(job) == job
    assert [job.id for job in store.all()] == ODD
    for name in ODD:
        found = store.get(JobId(name))
        assert found is not None
        assert (found.id, found.owner, found.key) == (name, name, name)
        assert store.count_queued(found.party) == 1
        forget(store, name)
        assert store.expired(JobId(name)) == Expired(name)


def test_a_priority_may_be_any_number(store: SqlJobStore) -> None:
    for name, priority in (("low", -(10**30)), ("high", 10**30), ("mid", 0)):
        store.put(make_job(name, priority))
    assert drain(store) == ["high", "mid", "low"]


def test_an_update_that_changes_nothing_writes_nothing(store: SqlJobStore, path: Path) -> None:
    store.put(make_job("a"))
    with closing(sqlite3.connect(path)) as connection:
        before = connection.execute("PRAGMA data_version").fetchone()
        assert store.update(JobId("a"), lambda job: job).id == "a"
        assert connection.execute("PRAGMA data_version").fetchone() == before


def test_takers_of_another_store_hear_of_a_job(store: SqlJobStore, path: Path) -> None:
    """As of another process: its store shares the file and nothing else."""
    with opened(path) as other, ThreadPoolExecutor(1) as pool:
        assert other.take(start, 0) is None
        taken = pool.submit(other.take, start, 30)
        store.put(make_job("a"))
        job = taken.result(30)
    assert job is not None


def test_two_stores_never_give_out_the_same_job(store: SqlJobStore, path: Path) -> None:
    names = [f"job-{number}" for number in range(60)]
    for name in names:
        store.put(make_job(name))
    with opened(path) as other, ThreadPoolExecutor(4) as pool:
        takers = [pool.submit(drain, one) for one in (store, other, store, other)]
        taken = [name for taker in takers for name in taker.result(60)]
    assert sorted(taken) == sorted(names)


def test_closing_ends_the_wait_of_takers(path: Path) -> None:
    with opened(path) as store, ThreadPoolExecutor(1) as pool:
        taken = pool.submit(store.take, start, None)
        store.close()
        assert taken.result(30) is None
        with pytest.raises(StorageError, match="closed"):
            store.put(make_job("a"))


def test_ids_are_remembered_for_a_while(path: Path) -> None:
    now = [0.0]
    store = SqlJobStore(open_sqlite(path, QUICK), patience=1, now=lambda: now[0])
    for name in ("a", "b", "c"):
        end(store, name)
    forget(store, "a")
    now[0] = REMEMBERED / 1_000_000
    forget(store, "b")
    assert [store.expired(JobId(name)) is not None for name in "abc"] == [True, True, False]
    now[0] += 1
    forget(store, "c")
    assert [store.expired(JobId(name)) is not None for name in "abc"] == [False, True, True]
    store.close()


@pytest.mark.parametrize("document", ["{", "[]", '{"from": "the future"}', "null", '{"state": "odd"}'])
def test_a_job_that_cannot_be_read_stops_no_other(store: SqlJobStore, path: Path, document: str) -> None:
    for name in ("a", "b"):
        store.put(replace(make_job(name, key=name), input_size=10))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE jobs SET document = ? WHERE id = 'a'", (document,))
    assert [job.id for job in store.all()] == ["b"]
    with pytest.raises(StorageError, match="job a cannot be read"):
        store.get(JobId("a"))
    assert drain(store) == ["b"]
    assert (store.count_queued(), store.counts()[JobState.QUEUED]) == (0, 0)
    assert store.put(make_job("c"), QueueLimits(size=1)).id == "c", "no bytes wait"


def test_large_inputs_are_read_as_small_ones_are(store: SqlJobStore) -> None:
    job = make_job("x" * 100_000)
    store.put(job)
    assert store.get(job.id) == job


def test_changes_run_by_one_thread_at_a_time(store: SqlJobStore) -> None:
    store.put(make_job("a"))
    inside = threading.Lock()

    def change(job: Job) -> Job:
        assert inside.acquire(blocking=False)
        inside.release()
        return job.requeue() if job.state is JobState.RUNNING else start(job)

    def flip(_: int) -> None:
        store.update(JobId("a"), change)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(flip, range(100)))
    assert_tallies_are_right(store)


def assert_tallies_are_right(store: JobStore) -> None:
    jobs = store.all()
    assert store.counts() == {state: sum(job.state is state for job in jobs) for state in JobState}


def test_a_result_that_has_no_json_form_is_refused_in_a_sentence(store: SqlJobStore) -> None:
    store.put(make_job("a"))
    store.take(start, 0)
    odd = replace(make_result("a"), info={"odd": object()})
    with pytest.raises(
        StorageError, match=r"^the result of job a cannot be kept: Object of type object is not"
    ):
        store.update(JobId("a"), lambda job: job.succeed(odd, at(1)))
    kept = store.get(JobId("a"))
    assert kept is not None
    assert kept.state is JobState.RUNNING
