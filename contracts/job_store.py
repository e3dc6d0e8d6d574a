"""What every ``JobStore`` must do. Subclass in a test module and say how one is made."""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.job_queue_rules import QueueRules
from contracts.job_record_rules import RecordRules
from contracts.job_samples import (
    NOW,
    at,
    cancel_all,
    drain,
    end,
    forget,
    leased,
    make_files,
    make_job,
    make_result,
    queued_job,
    start,
)
from core.domain.errors import JobConflict, KeyReused, LeaseLost, UnknownJob
from core.domain.job import Job, JobId, JobState
from core.ports.driven import JobStore

__all__ = ["NOW", "JobStoreContract", "LastingJobStoreContract", "drain", "make_job", "start"]


class JobStoreContract(QueueRules, RecordRules):
    """Keeping, atomicity and waiting; turns, limits and keys; listings, what is due and what is surplus."""

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
        job = store.take(start, 0)
        assert job is not None
        assert (job.id, job.state, job.started_at, job.attempts) == ("a", JobState.RUNNING, NOW, 1)
        assert store.get(job.id) == job

    def test_a_start_that_fails_takes_nothing(self) -> None:
        store = self.make()
        for name in ("a", "b"):
            store.put(make_job(name))
        before = list(store.all())
        with pytest.raises(ZeroDivisionError):
            store.take(lambda job: start(job) if 1 // 0 else job, 0)
        assert list(store.all()) == before
        assert drain(store) == ["a", "b"]

    def test_take_gives_the_highest_priority_first(self) -> None:
        store = self.make()
        for name, priority in (("low", -1), ("old", 0), ("high", 5), ("new", 0)):
            store.put(make_job(name, priority))
        assert drain(store) == ["high", "old", "new", "low"]

    def test_take_of_an_empty_store_waits_no_longer_than_told(self) -> None:
        store = self.make()
        began = time.monotonic()
        assert store.take(start, 0.05) is None
        assert 0.04 <= time.monotonic() - began < 5

    def test_take_wakes_up_when_a_job_comes(self) -> None:
        store = self.make()
        with ThreadPoolExecutor(1) as pool:
            taken = pool.submit(store.take, start, 10)
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
        store.take(start, 0)
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
        store.take(start, 0)
        assert [store.position(JobId(name)) for name in "abc"] == [0, 1, 0]
        assert store.position(JobId("unknown")) == 0

    def test_count_queued(self) -> None:
        store = self.make()
        for name in ("a", "b", "c"):
            store.put(make_job(name))
        store.take(start, 0)
        assert store.count_queued() == 2

    def test_all_is_in_order_of_arrival(self) -> None:
        store = self.make()
        for index, name in enumerate("cab"):
            store.put(replace(make_job(name, priority=index), created_at=NOW + timedelta(seconds=index)))
        store.take(start, 0)
        assert [job.id for job in store.all()] == ["c", "a", "b"]

    def test_a_removed_job_is_gone(self) -> None:
        store = self.make()
        for name in ("a", "b"):
            store.put(make_job(name))
        forget(store, "a")
        assert store.remove(make_job("a")) is None
        assert store.get(JobId("a")) is None
        assert store.count_queued() == 1
        assert drain(store) == ["b"]

    def test_a_removed_id_may_come_again(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        forget(store, "a")
        store.put(make_job("b"))
        store.put(make_job("a"))
        assert drain(store) == ["b", "a"]

    def test_many_takers_wait_for_one_job(self) -> None:
        store = self.make()
        got: list[Job | None] = []
        threads = [threading.Thread(target=lambda: got.append(store.take(start, 0.5))) for _ in range(4)]
        for thread in threads:
            thread.start()
        store.put(make_job("a"))
        for thread in threads:
            thread.join(30)
        assert sum(job is not None for job in got) == 1

    def test_every_field_of_a_job_is_kept(self) -> None:
        store, job = self.make(), queued_job("a")
        assert store.put(job) == job
        assert store.get(job.id) == job
        taken = store.take(leased("one"), 0)
        assert taken == leased("one")(job)
        stopping = store.update(job.id, lambda running: replace(running, stop_requested=True))
        assert store.get(job.id) == stopping
        ended = store.update(
            job.id, lambda running: running.succeed(make_result("a", files=make_files("a")), at(3), "one")
        )
        assert store.get(job.id) == ended
        assert ended.result is not None
        assert ended.files == make_files("a")

    def test_only_a_queued_job_can_be_put(self) -> None:
        store = self.make()
        with pytest.raises(JobConflict, match="running"):
            store.put(start(make_job("a")))
        assert list(store.all()) == []

    def test_a_job_keeps_its_id(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        with pytest.raises(JobConflict):
            store.update(JobId("a"), lambda job: replace(job, id=JobId("b")))
        assert [job.id for job in store.all()] == ["a"]

    def test_only_the_holder_of_the_lease_writes(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        store.take(leased("one"), 0)
        store.update(JobId("a"), lambda job: job.requeue("one", server_died=True))
        store.take(leased("two"), 0)
        with pytest.raises(LeaseLost):
            store.update(JobId("a"), lambda job: job.succeed(make_result("stale"), at(1), "one"))
        job = store.update(JobId("a"), lambda job: job.succeed(make_result("fresh"), at(2), "two"))
        assert (job.result, job.attempts, job.server_deaths) == (make_result("fresh"), 2, 1)

    def test_of_many_who_end_a_run_one_succeeds(self) -> None:
        store = self.make()
        store.put(make_job("a"))
        store.take(leased("one"), 0)

        def change(number: int) -> bool:
            def succeed(job: Job) -> Job:
                return job.succeed(make_result(str(number)), NOW, "one")

            def put_back(job: Job) -> Job:
                return job.requeue("one")

            try:
                store.update(JobId("a"), succeed if number % 2 else put_back)
            except JobConflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(change, range(40)))
        assert sum(won) == 1
        job = store.get(JobId("a"))
        assert job is not None
        if won.index(True) % 2:
            assert job.result == make_result(str(won.index(True)))
        else:
            assert (job.state, job.lease, job.result) == (JobState.QUEUED, None, None)


class LastingJobStoreContract(JobStoreContract):
    """Of stores that outlive their process."""

    @abstractmethod
    def reopen(self, store: JobStore) -> JobStore:
        """What a new process finds that opens the same store. ``store`` is not used any more."""

    def test_jobs_survive(self) -> None:
        store = self.make()
        store.put(queued_job("a"))
        store.put(make_job("b", priority=1))
        store.put(make_job("c", priority=2))
        store.take(leased("one"), 0)
        end(store, "d")
        before = list(store.all())
        after = self.reopen(store)
        assert list(after.all()) == before
        assert [job.id for job in after.running()] == ["c"]
        assert drain(after) == ["b", "a"]

    def test_turns_survive(self) -> None:
        store = self.make()
        for name in ("a1", "a2", "a3", "a4"):
            store.put(make_job(name, client="a"))
        assert [job.id for job in (store.take(start, 0), store.take(start, 0)) if job] == ["a1", "a2"]
        after = self.reopen(store)
        after.put(make_job("b1", client="b"))
        assert drain(after) == ["a3", "b1", "a4"]

    def test_keys_survive(self) -> None:
        store = self.make()
        first = store.put(make_job("a", key="key", digest="x"))
        after = self.reopen(store)
        assert after.put(make_job("b", key="key", digest="x")) == first
        with pytest.raises(KeyReused):
            after.put(make_job("b", key="key", digest="y"))

    def test_what_expired_survives(self) -> None:
        store = self.make()
        end(store, "a")
        forget(store, "a")
        assert self.reopen(store).expired(JobId("a"))

    def test_a_job_put_back_after_a_restart_keeps_its_place(self) -> None:
        store = self.make()
        for name in ("a", "b"):
            store.put(make_job(name))
        store.take(leased("one"), 0)
        after = self.reopen(store)
        after.update(JobId("a"), lambda job: job.requeue("one", server_died=True))
        assert drain(after) == ["a", "b"]
