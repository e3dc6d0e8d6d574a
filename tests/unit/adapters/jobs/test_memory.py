from __future__ import annotations

import pytest

from adapters.jobs.memory import MemoryJobStore
from contracts.job_samples import NOW, drain, forget, make_job, start
from core.domain.errors import JobConflict
from core.domain.job import JobId


def test_only_a_queued_job_is_put() -> None:
    with pytest.raises(JobConflict):
        MemoryJobStore().put(make_job("a").start(NOW))


def test_a_job_cannot_become_another() -> None:
    store = MemoryJobStore()
    store.put(make_job("a"))
    with pytest.raises(JobConflict):
        store.update(JobId("a"), lambda _: make_job("b"))
    assert drain(store) == ["a"]


def test_cancelled_jobs_do_not_pile_up_behind_a_waiting_one() -> None:
    store = MemoryJobStore()
    store.put(make_job("first"))
    for i in range(1000):
        store.put(make_job(str(i)))
        store.update(JobId(str(i)), lambda job: job.cancel(NOW))
        forget(store, str(i))
    assert len(store._turns._heap) < 100
    assert drain(store) == ["first"]


def test_take_starts_with_the_time_it_is_given() -> None:
    store = MemoryJobStore()
    store.put(make_job("a"))
    job = store.take(start)
    assert job is not None
    assert job.started_at == NOW


def test_only_so_many_ids_of_removed_jobs_are_remembered() -> None:
    store = MemoryJobStore(remembered=2)
    for name in "abc":
        store.put(make_job(name))
        forget(store, name)
    assert [store.expired(JobId(name)) is not None for name in "abc"] == [False, True, True]
