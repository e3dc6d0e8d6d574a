"""Waiting for a job: what asks the store is not done on the loop, and who goes takes the job along."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from adapters.http.stopping import Stopping
from adapters.http.waiting import waiting_for
from core.domain.errors import NoWorker, StorageError, UnknownJob
from core.domain.job import Job, JobId
from core.domain.request import GenerationRequest
from tests.unit.adapters.http.fakes import FakeApplication

PATIENCE = 20.0


class SlowStore(FakeApplication):
    """Tells in which threads it was asked.

    :ivar go: answers only once it is set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.automatic = False
        self.asked, self.go, self.abandoned = (threading.Event() for _ in range(3))
        self.threads: list[int] = []
        self.trouble: Exception | None = None
        self.go.set()

    def when_done(self, job_id: JobId, callback: Callable[[Job], None]) -> Callable[[], None]:
        self.threads.append(threading.get_ident())
        self.asked.set()
        assert self.go.wait(PATIENCE)
        return super().when_done(job_id, callback)

    def abandon(self, job_id: JobId) -> None:
        self.threads.append(threading.get_ident())
        self.abandoned.set()
        if self.trouble is not None:
            raise self.trouble
        super().abandon(job_id)


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


def request() -> Request:
    state = SimpleNamespace(state=SimpleNamespace(stopping=Stopping()))
    return Request({"type": "http", "app": state})


async def go_away(store: SlowStore, job: JobId) -> None:
    async with waiting_for(store, store.application().jobs, request(), lambda: job):
        pass


def test_the_store_is_asked_outside_of_the_loop(store: SlowStore) -> None:
    job = store.submit(GenerationRequest())
    asyncio.run(go_away(store, job))
    assert len(store.threads) == 2
    assert threading.get_ident() not in store.threads
    assert store.interrupted == [job]
    assert store.waiters(job) == 0


def test_who_goes_while_the_store_is_asked_takes_the_job_along(store: SlowStore) -> None:
    job = store.submit(GenerationRequest())
    store.go.clear()

    async def scene() -> None:
        waiting = asyncio.create_task(go_away(store, job))
        assert await asyncio.to_thread(store.asked.wait, PATIENCE)
        waiting.cancel()
        store.go.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scene())
    assert store.abandoned.wait(PATIENCE)
    assert store.interrupted == [job]
    assert store.waiters(job) == 0


def test_a_job_that_nobody_knows(store: SlowStore) -> None:
    with pytest.raises(UnknownJob):
        asyncio.run(go_away(store, JobId("nope")))


def test_a_store_that_is_away_when_a_client_goes(store: SlowStore, caplog: Any) -> None:
    job = store.submit(GenerationRequest())
    store.trouble = StorageError("the disk is full")
    with caplog.at_level(logging.WARNING):
        asyncio.run(go_away(store, job))
    assert f"job {job} could not be abandoned: the disk is full" in caplog.text


def test_a_request_that_is_cancelled_takes_the_job_along(store: SlowStore) -> None:
    job = store.submit(GenerationRequest())

    async def scene() -> None:
        async with waiting_for(store, store.application().jobs, request(), lambda: job) as ended:
            ended.cancel()
            await ended

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scene())
    assert store.interrupted == [job]
    assert store.waiters(job) == 0


def test_nobody_waits_out_an_outage(store: SlowStore) -> None:
    job = store.submit(GenerationRequest())

    async def scene() -> None:
        async with waiting_for(store, store.application().jobs, request(), lambda: job) as ended:
            store.outage.begin("there is no worker")
            await ended

    with pytest.raises(NoWorker, match=r"^there is no worker; "):
        asyncio.run(scene())
    assert store.interrupted == [job]
    assert store.waiters(job) == 0


def test_who_asks_again_for_what_has_ended_is_answered_in_an_outage(store: SlowStore) -> None:
    job = store.submit(GenerationRequest())
    store.finish(job)
    store.outage.begin("there is no worker")

    async def scene() -> Job:
        async with waiting_for(store, store.application().jobs, request(), lambda: job) as ended:
            return await ended

    assert asyncio.run(scene()).id == job
    assert store.interrupted == []
