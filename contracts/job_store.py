"""What every ``JobStore`` must do. Subclass in a test module and say how one is made."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.domain.errors import JobConflict, UnknownJob
from core.domain.job import FrozenInputs, Job, JobId, JobState
from core.domain.model import ModelIdentity
from core.domain.request import GenerationRequest, Kind
from core.ports.driven import JobStore

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def now() -> datetime:
    return NOW


def make_job(name: str, priority: int = 0) -> Job:
    frozen = FrozenInputs(seed=1, subseed=2, model=ModelIdentity("model", "0" * 64))
    request = GenerationRequest(kind=Kind.TXT2IMG, prompt=name)
    return Job(id=JobId(name), request=request, frozen=frozen, created_at=NOW, priority=priority)


class JobStoreContract(ABC):
    """Order, atomicity and waiting."""

    @abstractmethod
    def make(self) -> JobStore:
        """A new, empty store."""

    def test_what_is_put_can_be_got(self) -> None:
        store, job = self.make(), make_job("a")
        store.put(job)
        assert store.get(job.id) == job
        assert list(store.all()) == [job]

    def test_an_unknown_job_is_none(self) -> None:
        assert self.make().get(JobId("a")) is None

    def test_an_id_is_taken_once(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        with pytest.raises(JobConflict):
            store.put(make_job("a", priority=3))
        assert [job.priority for job in store.all()] == [0]

    def test_take_gives_the_oldest_and_starts_it(self) -> None:
        store = self.make()
        for name in ("a", "b"):
            store.put(make_job(name))
        job = store.take(now, 0)
        assert job is not None
        assert (job.id, job.state, job.started_at, job.attempts) == ("a", JobState.RUNNING, NOW, 1)
        assert store.get(job.id) == job

    def test_take_gives_the_highest_priority_first(self) -> None:
        store = self.make()
        for name, priority in (("low", -1), ("old", 0), ("high", 5), ("new", 0)):
            store.put(make_job(name, priority))
        assert drain(store) == ["high", "old", "new", "low"]

    def test_take_of_an_empty_store_waits_no_longer_than_told(self) -> None:
        store = self.make()
        start = time.monotonic()
        assert store.take(now, 0.05) is None
        assert 0.04 <= time.monotonic() - start < 5

    def test_take_wakes_up_when_a_job_comes(self) -> None:
        store = self.make()
        with ThreadPoolExecutor(1) as pool:
            taken = pool.submit(store.take, now, 10)
            time.sleep(0.05)
            store.put(make_job("a"))
            job = taken.result(timeout=10)
        assert job is not None

    def test_takers_never_get_the_same_job(self) -> None:
        store = self.make()
        names = [f"job-{i}" for i in range(200)]
        with ThreadPoolExecutor(5) as pool:
            takers = [pool.submit(drain, store, 0.5) for _ in range(4)]
            for name in names:
                store.put(make_job(name))
            taken = [name for taker in takers for name in taker.result(timeout=30)]
        assert sorted(taken) == sorted(names)

    def test_a_cancelled_job_is_never_taken(self) -> None:
        store = self.make()
        for name in ("a", "b", "c"):
            store.put(make_job(name))
        store.update(JobId("a"), lambda job: job.cancel(NOW))
        store.update(JobId("c"), lambda job: job.cancel(NOW))
        assert store.count_queued() == 1
        assert drain(store) == ["b"]

    def test_cancelling_races_with_taking(self) -> None:
        store = self.make()
        names = [f"job-{i}" for i in range(100)]
        for name in names:
            store.put(make_job(name))
        with ThreadPoolExecutor(2) as pool:
            taker = pool.submit(drain, store)
            cancelled = pool.submit(cancel_all, store, names)
            assert sorted(taker.result(30) + cancelled.result(30)) == sorted(names)

    def test_update_replaces_the_job(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        job = store.update(JobId("a"), lambda old: replace(old, owner="me"))
        assert job.owner == "me"
        assert store.get(JobId("a")) == job

    def test_update_of_an_unknown_job(self) -> None:
        with pytest.raises(UnknownJob):
            self.make().update(JobId("a"), lambda job: job)

    def test_a_failed_update_changes_nothing(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        before = store.get(JobId("a"))
        with pytest.raises(JobConflict):
            store.update(JobId("a"), lambda job: job.requeue())
        assert store.get(JobId("a")) == before
        assert drain(store) == ["a"]

    def test_updates_are_atomic(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        with ThreadPoolExecutor(8) as pool:
            for _ in range(100):
                pool.submit(store.update, JobId("a"), lambda job: replace(job, attempts=job.attempts + 1))
        job = store.get(JobId("a"))
        assert job is not None
        assert job.attempts == 100

    def test_a_job_put_back_keeps_its_place(self) -> None:
        store = self.make()
        for name in ("a", "b"):
            store.put(make_job(name))
        store.take(now, 0)
        store.update(JobId("a"), lambda job: job.requeue())
        assert store.position(JobId("a")) == 0
        assert drain(store) == ["a", "b"]

    def test_a_new_priority_counts(self) -> None:
        store = self.make()
        for name in ("a", "b", "c"):
            store.put(make_job(name))
        store.update(JobId("c"), lambda job: replace(job, priority=1))
        store.update(JobId("a"), lambda job: replace(job, priority=-1))
        assert drain(store) == ["c", "b", "a"]

    def test_position_counts_the_jobs_before(self) -> None:
        store = self.make()
        for name, priority in (("a", 0), ("b", 0), ("c", 1)):
            store.put(make_job(name, priority))
        assert [store.position(JobId(name)) for name in "abc"] == [1, 2, 0]
        store.take(now, 0)
        assert [store.position(JobId(name)) for name in "abc"] == [0, 1, 0]
        assert store.position(JobId("unknown")) == 0

    def test_count_queued(self) -> None:
        store = self.make()
        for name in ("a", "b", "c"):
            store.put(make_job(name))
        store.take(now, 0)
        assert store.count_queued() == 2

    def test_all_is_in_order_of_arrival(self) -> None:
        store = self.make()
        for index, name in enumerate("cab"):
            store.put(replace(make_job(name, priority=index), created_at=NOW + timedelta(seconds=index)))
        store.take(now, 0)
        assert [job.id for job in store.all()] == ["c", "a", "b"]

    def test_a_removed_job_is_gone(self) -> None:
        store = self.make()
        for name in ("a", "b"):
            store.put(make_job(name))
        store.remove(JobId("a"))
        store.remove(JobId("a"))
        assert store.get(JobId("a")) is None
        assert store.count_queued() == 1
        assert drain(store) == ["b"]

    def test_a_removed_id_may_come_again(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        store.remove(JobId("a"))
        store.put(make_job("b"))
        store.put(make_job("a"))
        assert drain(store) == ["b", "a"]

    def test_many_takers_wait_for_one_job(self) -> None:
        store = self.make()
        got: list[Job | None] = []
        threads = [threading.Thread(target=lambda: got.append(store.take(now, 0.5))) for _ in range(4)]
        for thread in threads:
            thread.start()
        store.put(make_job("a"))
        for thread in threads:
            thread.join(30)
        assert sum(job is not None for job in got) == 1


def drain(store: JobStore, timeout: float = 0) -> list[str]:
    """Take until nothing comes."""
    taken: list[str] = []
    while (job := store.take(now, timeout)) is not None:
        taken.append(job.id)
    return taken


def cancel_all(store: JobStore, names: list[str]) -> list[str]:
    """Cancel what is still queued, and tell what that was."""
    cancelled: list[str] = []

    def change(job: Job) -> Job:
        if job.state is JobState.QUEUED:
            cancelled.append(job.id)
            return job.cancel(NOW)
        return job

    for name in reversed(names):
        store.update(JobId(name), change)
    return cancelled
