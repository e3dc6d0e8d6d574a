"""Whose turn it is, how many may wait, and which request is a repeat."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from contracts.job_samples import (
    NOW,
    MakesJobStores,
    at,
    cancel_if_queued,
    drain,
    end,
    forget,
    make_job,
    make_result,
    owing,
    queued_job,
    start,
)
from core.domain.errors import JobConflict, KeyReused, QueueFull, QueueTooLarge
from core.domain.image import BlobRef
from core.domain.job import Job, JobId, JobState
from core.ports.driven import JobStore, QueueLimits


def put_all(store: JobStore, names: str, priority: int = 0) -> None:
    """``"a1 a2 b1"``: jobs of the clients a and b."""
    for name in names.split():
        store.put(make_job(name, priority, client=name[0]))


def take_one(store: JobStore) -> str:
    job = store.take(start, 0)
    assert job is not None
    return job.id


class QueueRules(MakesJobStores):
    """Turns, limits and keys."""

    def test_parties_take_turns(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 a3 a4 b1 b2 c1")
        assert drain(store) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]

    def test_position_counts_by_turns(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 a3 b1")
        assert [store.position(JobId(name)) for name in ("a1", "b1", "a2", "a3")] == [0, 1, 2, 3]

    def test_who_comes_late_is_next_and_gets_no_more_than_others(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 a3 a4")
        assert [take_one(store), take_one(store)] == ["a1", "a2"]
        put_all(store, "b1 b2 b3")
        assert drain(store) == ["a3", "b1", "a4", "b2", "b3"]

    def test_who_has_nothing_waiting_saves_no_turns(self) -> None:
        store = self.make()
        put_all(store, "b1")
        assert take_one(store) == "b1"
        put_all(store, "a1 a2 a3")
        assert [take_one(store), take_one(store)] == ["a1", "a2"]
        put_all(store, "b2 b3")
        assert drain(store) == ["a3", "b2", "b3"]

    def test_what_was_cancelled_costs_no_turn(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 a3 a4")
        for name in ("a2", "a3", "a4"):
            store.update(JobId(name), cancel_if_queued)
        put_all(store, "a5 b1 b2")
        assert drain(store) == ["a1", "b1", "a5", "b2"]

    def test_owners_and_clients_are_parties(self) -> None:
        store = self.make()
        for name, owner, client in (
            ("1", "ann", "x"),
            ("2", "ann", "y"),
            ("3", None, "ann"),
            ("4", "bob", "x"),
        ):
            store.put(make_job(name, owner=owner, client=client))
        assert drain(store) == ["1", "3", "4", "2"]

    def test_a_higher_priority_comes_first_whosesoever_turn_it_is(self) -> None:
        store = self.make()
        put_all(store, "b1 b2")
        put_all(store, "a1 a2", priority=1)
        assert drain(store) == ["a1", "a2", "b1", "b2"]

    def test_turns_of_one_priority_are_not_those_of_another(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 a3", priority=1)
        put_all(store, "a4 b1", priority=0)
        assert drain(store) == ["a1", "a2", "a3", "a4", "b1"]

    def test_a_job_put_back_keeps_its_turn(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 b1 b2")
        assert [take_one(store), take_one(store), take_one(store)] == ["a1", "b1", "a2"]
        store.update(JobId("b1"), lambda job: job.requeue())
        put_all(store, "c1")
        assert drain(store) == ["b1", "b2", "c1"]

    def test_after_one_was_put_back_the_oldest_of_a_party_is_still_first(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 a3")
        assert take_one(store) == "a1"
        store.update(JobId("a1"), lambda job: job.requeue())
        put_all(store, "a4")
        assert drain(store) == ["a1", "a2", "a3", "a4"]

    def test_a_queued_job_may_change_hands(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 b1")
        store.update(JobId("a1"), lambda job: replace(job, client="b"))
        assert (store.count_queued("client:a"), store.count_queued("client:b")) == (1, 2)

    def test_count_queued_of_a_party(self) -> None:
        store = self.make()
        put_all(store, "a1 a2 b1")
        assert [store.count_queued(f"client:{name}") for name in "abc"] == [2, 1, 0]
        assert take_one(store) == "a1"
        forget(store, "b1")
        assert [store.count_queued(f"client:{name}") for name in "abc"] == [1, 0, 0]
        assert store.count_queued() == 1

    def test_no_more_may_wait_than_the_limit(self) -> None:
        store, limits = self.make(), QueueLimits(total=2)
        store.put(make_job("a"), limits)
        store.put(make_job("b"), limits)
        with pytest.raises(QueueFull, match="2") as full:
            store.put(make_job("c"), limits)
        assert (full.value.limit, full.value.length) == (2, 2)
        assert store.get(JobId("c")) is None
        assert take_one(store) == "a"
        store.put(make_job("c"), limits)

    def test_no_more_of_a_party_may_wait_than_its_limit(self) -> None:
        store, limits = self.make(), QueueLimits(total=9, party=1)
        for name in "ab":
            store.put(make_job(name, client=name), limits)
        with pytest.raises(QueueFull) as full:
            store.put(make_job("c", client="a"), limits)
        assert (full.value.limit, full.value.length) == (1, 2)
        assert take_one(store) == "a"
        store.put(make_job("c", client="a"), limits)

    def test_no_more_bytes_may_wait_than_the_limit(self) -> None:
        store, limits = self.make(), QueueLimits(size=100)

        def put(name: str, size: int) -> None:
            store.put(replace(make_job(name), input_size=size), limits)

        put("a", 150)  # where nothing waits any request has room
        with pytest.raises(QueueTooLarge) as full:
            put("b", 1)
        assert (full.value.limit, full.value.length) == (100, 1)
        assert take_one(store) == "a"
        put("b", 60)
        put("c", 40)
        for bring_back in (False, True):
            with pytest.raises(QueueTooLarge):
                put("d", 1)
            if not bring_back:
                forget(store, "c")
                store.update(JobId("a"), lambda job: job.requeue())
        assert [take_one(store), take_one(store)] == ["a", "b"]
        put("d", 100)

    def test_a_limit_holds_among_threads(self) -> None:
        store = self.make()

        def put(number: int) -> bool:
            try:
                store.put(make_job(str(number)), QueueLimits(total=5))
            except QueueFull:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(put, range(30))) == 5
        assert store.count_queued() == 5

    def test_the_same_key_is_the_same_job(self) -> None:
        store = self.make()
        first = store.put(make_job("a", key="key", digest="x"))
        assert store.put(make_job("b", key="key", digest="x")) == first
        assert store.put(make_job("a", key="key", digest="x")) == first
        assert [job.id for job in store.all()] == ["a"]

    def test_a_key_of_another_request_is_refused(self) -> None:
        store = self.make()
        store.put(make_job("a", key="key", digest="x"))
        with pytest.raises(KeyReused, match="key"):
            store.put(make_job("b", key="key", digest="y"))
        assert [job.id for job in store.all()] == ["a"]

    def test_keys_belong_to_owners(self) -> None:
        store = self.make()
        for name, owner in (("a", None), ("b", "ann"), ("c", "bob")):
            job = make_job(name, owner=owner, client=name, key="key", digest=name)
            assert store.put(job) == job
        again = make_job("d", owner="ann", client="other", key="key", digest="b")
        assert store.put(again).id == "b"

    def test_no_key_is_no_key(self) -> None:
        store = self.make()
        for name in "ab":
            assert store.put(make_job(name)).id == name

    def test_a_repeat_is_served_although_the_queue_is_full(self) -> None:
        store, limits = self.make(), QueueLimits(total=1, party=1)
        store.put(make_job("a", key="key"), limits)
        assert store.put(make_job("b", key="key"), limits).id == "a"

    def test_a_key_counts_as_long_as_its_job_is_kept(self) -> None:
        store = self.make()
        store.put(make_job("a", key="key", digest="x"))
        taken = store.take(start, 0)
        assert taken is not None
        ended = store.update(taken.id, lambda job: job.cancel(job.created_at))
        assert store.put(make_job("b", key="key", digest="x")) == ended
        forget(store, taken.id)
        assert store.put(make_job("b", key="key", digest="y")).id == "b"

    def test_of_many_puts_of_one_key_one_makes_the_job(self) -> None:
        store = self.make()

        def put(number: int) -> Job:
            return store.put(make_job(str(number), key="key", digest="x"))

        with ThreadPoolExecutor(8) as pool:
            found = {job.id for job in pool.map(put, range(24))}
        assert [job.id for job in store.all()] == list(found)

    def test_an_id_that_ended_is_still_taken(self) -> None:
        store = self.make()
        end(store, "a")
        with pytest.raises(JobConflict):
            store.put(make_job("a"))
        job = store.get(JobId("a"))
        assert job is not None
        assert job.state is JobState.SUCCEEDED

    def test_a_new_job_takes_the_place_of_one_that_ended(self) -> None:
        store = self.make()
        store.put(queued_job("a"))
        store.take(start, 0)
        ended = store.update(
            JobId("a"), lambda job: replace(job.cancel(NOW, make_result("a")), delivery=None)
        )
        again = replace(make_job("a", key="other"), created_at=at(1))
        assert store.put(again, instead_of=ended) == again
        assert list(store.all()) == [again]
        assert (store.counts()[JobState.QUEUED], store.counts()[JobState.CANCELLED]) == (1, 0)
        assert store.of_key("ann", "key of a") is None
        assert not store.in_use([BlobRef("a-input"), BlobRef("a-picture")])
        assert drain(store) == ["a"]

    def test_a_refused_job_takes_no_place(self) -> None:
        store = self.make()
        end(store, "a")
        (ended,) = store.all()
        store.put(make_job("b"))
        with pytest.raises(QueueFull):
            store.put(make_job("a"), QueueLimits(total=1), ended)
        assert store.get(ended.id) == ended

    def test_the_place_of_another_job_is_not_taken(self) -> None:
        store, again = self.make(), replace(make_job("a"), created_at=at(1))
        end(store, "a")
        (ended,) = store.all()
        with pytest.raises(JobConflict):
            store.put(again, instead_of=replace(ended, created_at=at(2)))
        owes = store.update(ended.id, owing(5))
        with pytest.raises(JobConflict):
            store.put(again, instead_of=owes)
        store.update(ended.id, lambda job: replace(job, due_at=None))
        forget(store, "a")
        with pytest.raises(JobConflict):
            store.put(again, instead_of=ended)
        queued = store.put(again)
        with pytest.raises(JobConflict):
            store.put(again, instead_of=queued)
        assert list(store.all()) == [queued]
