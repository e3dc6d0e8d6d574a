"""Who may stop what, which request is a repeat, and what is forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from adapters.jobs.memory import MemoryJobStore
from core.domain.errors import (
    ExpiredJob,
    InvalidImage,
    InvalidValue,
    JobConflict,
    KeyReused,
    NotReady,
    QueueFull,
    QueueTooLarge,
    UnknownJob,
)
from core.domain.job import ANYBODY, Caller, Job, JobFilter, JobId, JobState
from core.domain.progress import Progress
from core.jobs.control import MOST_COUNTED
from core.jobs.rules import JobRules
from core.ports.driven import QueueLimits, RunWatch
from core.prepared import Batch, PreparedRun
from tests.unit.core.workshop import ScriptedBackend, Workshop, img2img, request

WHITE = np.full((16, 16, 3), 255, np.uint8)
ANN, BOB = Caller(owner="ann"), Caller(owner="bob")
TABLET, PHONE = Caller(client="tablet", named=True), Caller(client="phone", named=True)
HERE, THERE = Caller(client="10.0.0.1"), Caller(client="10.0.0.2")


class Pair:
    """Two jobs run at once, of the callers that are given; the first began first."""

    def __init__(self, first: Caller, second: Caller) -> None:
        self.shop = Workshop(backend=ScriptedBackend(max_runs=2))
        self._begun, self._go = threading.Semaphore(0), threading.Event()
        self.shop.scripted.on_run = self._hold
        self.ids = [
            self.shop.service.submit(request(seed=n), caller=c) for n, c in enumerate((first, second))
        ]
        self._threads = [threading.Thread(target=self.shop.loop.run_next, args=(0,)) for _ in range(2)]
        for thread in self._threads:
            thread.start()
            assert self._begun.acquire(timeout=20)

    def _hold(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        self._begun.release()
        assert self._go.wait(20)

    def end(self) -> list[JobState]:
        self._go.set()
        for thread in self._threads:
            thread.join(20)
        return [self.shop.service.get(job_id).state for job_id in self.ids]


DONE, STOPPED = JobState.SUCCEEDED, JobState.CANCELLED


@pytest.mark.parametrize(
    ("first", "second", "who", "states"),
    [
        (ANN, BOB, BOB, [DONE, STOPPED]),
        (ANN, ANN, BOB, [DONE, DONE]),
        (TABLET, PHONE, PHONE, [DONE, STOPPED]),
        (TABLET, TABLET, PHONE, [DONE, DONE]),
        (HERE, THERE, THERE, [DONE, STOPPED]),
        (HERE, HERE, THERE, [STOPPED, DONE]),
        (TABLET, PHONE, ANYBODY, [STOPPED, DONE]),
    ],
)
def test_an_interrupt_without_an_id_means_the_callers_own_job(
    first: Caller, second: Caller, who: Caller, states: list[JobState]
) -> None:
    pair = Pair(first, second)
    seen = pair.shop.service.progress(caller=who)
    running = pair.shop.service.running(who)
    assert seen.job_id == (running.id if running else None)
    pair.shop.service.interrupt(caller=who)
    assert pair.end() == states


def test_a_skip_without_an_id_means_the_callers_own_job() -> None:
    pair = Pair(ANN, BOB)
    pair.shop.service.skip(caller=BOB)
    progress = [pair.shop.service.progress(job_id) for job_id in pair.ids]
    assert [one.skipped for one in progress] == [False, True]
    pair.end()


def test_who_has_a_name_and_no_job_sees_nothing_of_the_last_one() -> None:
    shop = Workshop()
    shop.draw(request())
    assert shop.service.progress(caller=HERE).job_id == "job-1"
    assert shop.service.progress(caller=ANN) == shop.service.progress(caller=TABLET) == Progress()


def test_how_many_wait_before_a_job() -> None:
    shop = Workshop()
    first, second = (shop.service.submit(request(), caller=ANN) for _ in range(2))
    assert [shop.service.ahead(job_id) for job_id in (first, second)] == [0, 1]
    shop.loop.run_next(0)
    assert [shop.service.ahead(job_id) for job_id in (first, second)] == [0, 0]
    shop.loop.run_next(0)
    assert shop.service.ahead(second) == 0
    for _ in range(MOST_COUNTED + 1):
        shop.service.submit(request())
    assert shop.service.ahead(first) is None


def test_a_repeat_with_the_same_key_is_the_same_job() -> None:
    shop = Workshop()
    picture = shop.put(WHITE)
    job_id = shop.service.submit(img2img([picture]), key="k", caller=ANN)
    shop.put(WHITE)
    assert shop.service.submit(img2img([picture]), key="k", caller=ANN) == job_id
    shop.loop.run_next(0)
    shop.put(WHITE)
    assert shop.service.submit(img2img([picture]), key="k", caller=ANN) == job_id
    assert len(shop.scripted.seen) == 1
    assert shop.loop.run_next(0) is None
    with pytest.raises(KeyReused, match="'k'"):
        shop.service.submit(request(seed=8), key="k", caller=ANN)
    assert shop.service.submit(request(seed=8), key="k", caller=BOB) != job_id
    shop.service.purge(job_id)
    shop.loop.run_next(0)
    shop.service.purge(shop.service.jobs()[0].id)
    assert len(shop.blobs) == 0


def test_a_repeat_may_come_with_the_id_too() -> None:
    shop = Workshop()
    job_id = shop.service.submit(request(), job_id="mine", key="k")
    shop.loop.run_next(0)
    assert shop.service.submit(request(), job_id="mine", key="k") == job_id
    assert shop.state("mine") is JobState.SUCCEEDED


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb"])
def test_a_key_that_cannot_be_is_refused(key: str) -> None:
    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        Workshop().service.submit(request(), key=key)


def test_a_webhook_must_be_allowed() -> None:
    shop = Workshop()
    with pytest.raises(InvalidValue, match="webhook"):
        shop.service.submit(request(), webhook="http://10.0.0.1/")
    assert shop.service.jobs() == []


def test_one_client_cannot_fill_the_queue_for_others() -> None:
    shop = Workshop(rules=JobRules(limits=QueueLimits(total=3, party=1)))
    shop.service.submit(request(), caller=TABLET)
    with pytest.raises(QueueFull) as full:
        shop.service.submit(request(), caller=TABLET)
    assert (full.value.limit, full.value.length) == (1, 1)
    shop.service.submit(request(), caller=PHONE)
    assert shop.service.queue().limit == 3


def test_parties_take_turns() -> None:
    shop = Workshop()
    for caller in (TABLET, TABLET, PHONE):
        shop.service.submit(request(), caller=caller)
    clients = [shop.service.get(shop.loop.run_next(0) or JobId("")).client for _ in range(3)]
    assert clients == ["tablet", "phone", "tablet"]


def test_who_goes_takes_the_job_along_unless_others_wait_or_it_is_detached() -> None:
    shop = Workshop()
    alone, shared, detached = (
        shop.service.submit(request(), detached=detached) for detached in (False, False, True)
    )
    told: list[Job] = []
    shop.service.when_done(shared, told.append)
    for job_id in (alone, shared, detached):
        gone = shop.service.when_done(job_id, print)
        gone()
        gone()
        shop.service.abandon(job_id)
    assert [shop.state(job_id) for job_id in (alone, shared, detached)] == [
        JobState.CANCELLED, JobState.QUEUED, JobState.QUEUED,
    ]  # fmt: skip
    shop.service.abandon(JobId("nobody"))
    shop.service.abandon(alone)


def test_a_wait_that_timed_out_waits_no_longer() -> None:
    shop = Workshop()
    job_id = shop.service.submit(request())
    with pytest.raises(TimeoutError):
        shop.service.wait(job_id, 0)
    shop.service.abandon(job_id)
    assert shop.state(job_id) is JobState.CANCELLED


def test_a_retry_draws_the_same_once_more() -> None:
    shop = Workshop()
    first = shop.draw(img2img([shop.put(WHITE)], seed=-1))
    with pytest.raises(InvalidImage, match="no longer kept"):
        shop.service.retry(first.id)
    shop.put(WHITE)  # as a store does that keeps what a job may need again
    again = shop.service.retry(first.id)
    assert again != first.id
    with pytest.raises(JobConflict, match="queued"):
        shop.service.retry(again)
    shop.loop.run_next(0)
    second = shop.service.get(again)
    assert second.frozen == first.frozen
    assert first.result is not None
    assert second.result is not None
    assert second.result.images[0].blob == first.result.images[0].blob
    with pytest.raises(UnknownJob):
        shop.service.retry(JobId("nobody"))


def test_a_purged_job_has_expired() -> None:
    shop = Workshop()
    job_id = shop.service.submit(request())
    with pytest.raises(JobConflict, match="queued"):
        shop.service.purge(job_id)
    shop.loop.run_next(0)
    shop.service.purge(job_id)
    for ask in (shop.service.get, shop.service.progress, shop.service.interrupt, shop.service.purge):
        with pytest.raises(ExpiredJob, match="has expired"):
            ask(job_id)
    assert len(shop.blobs) == 0


def test_what_is_too_old_is_forgotten() -> None:
    shop = Workshop(rules=JobRules(keep_for=timedelta(seconds=500)))
    old = shop.draw(request())
    for _ in range(600):
        shop.clock.seconds()
    young = shop.draw(request())
    shop.crew.look_after()
    assert [job.id for job in shop.service.jobs()] == [young.id]
    with pytest.raises(ExpiredJob):
        shop.service.get(old.id)


def test_requests_and_their_pictures_count() -> None:
    shop = Workshop()
    small, large = (
        shop.service.get(shop.service.submit(img2img([shop.put(WHITE)], prompt="a" * n))) for n in (1, 1001)
    )
    data = shop.blobs.get(small.request.blobs()[0])
    assert data is not None
    assert large.input_size - small.input_size == 1000
    assert small.input_size > len(data)
    assert small.size == small.input_size


def test_no_more_bytes_of_requests_than_may_wait() -> None:
    shop = Workshop(rules=JobRules(limits=QueueLimits(size=10_000)))
    shop.service.submit(request(prompt="a" * 9_000))
    with pytest.raises(QueueTooLarge, match=r"may hold 0\.0095.* MiB of requests; try again later") as full:
        shop.service.submit(request(prompt="a" * 1_000))
    assert full.value.length == 1


def test_pictures_take_no_more_room_than_they_may() -> None:
    shop = Workshop(rules=JobRules(keep_bytes=1))
    job = shop.draw(request())
    assert job.size > 1
    shop.crew.look_after()
    assert shop.service.jobs() == []


def test_the_queue_says_how_it_is() -> None:
    shop = Workshop()
    shop.service.submit(request())
    queue = shop.service.queue()
    assert (queue.counts[JobState.QUEUED], queue.counts[JobState.RUNNING], queue.limit) == (1, 0, None)
    assert not queue.draining
    shop.service.drain()
    assert shop.service.queue().draining
    with pytest.raises(NotReady, match="stopping"):
        shop.service.submit(request())
    assert shop.loop.run_next(0) is None


def test_jobs_are_listed_as_asked() -> None:
    shop = Workshop()
    for caller in (ANN, BOB, ANN):
        shop.service.submit(request(), caller=caller)
    assert [job.id for job in shop.service.jobs(JobFilter(owner="ann"))] == ["job-3", "job-1"]


def test_the_end_of_a_process_whose_jobs_do_not_last() -> None:
    shop = Workshop()

    def close(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        shop.service.close()

    shop.scripted.on_run = close
    running, waiting = (shop.service.submit(request()) for _ in range(2))
    shop.loop.run_next(0)
    assert [shop.state(job_id) for job_id in (running, waiting)] == [JobState.CANCELLED] * 2
    assert shop.service.get(running).result is not None


def test_a_drain_waits_for_what_runs() -> None:
    pair = Pair(ANN, BOB)
    drained = threading.Event()

    def drain() -> None:
        pair.shop.service.drain(1e9)
        drained.set()

    waiting = threading.Thread(target=drain)
    waiting.start()
    assert not drained.is_set()
    assert pair.end() == [DONE, DONE]
    assert drained.wait(20)
    waiting.join()


def test_the_most_impatient_decides_how_long_a_drain_waits() -> None:
    pair = Pair(ANN, BOB)
    waiting = threading.Thread(target=pair.shop.service.drain, args=(1e9,))
    waiting.start()
    pair.shop.service.drain(0)
    waiting.join(20)
    assert not waiting.is_alive()
    pair.end()


class UsedAgain(MemoryJobStore):
    """In the moment before a removal, something else happens."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def remove(self, job: Job) -> Job | None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return super().remove(job)


def test_a_purge_does_not_hit_a_later_job_of_that_id() -> None:
    store = UsedAgain()
    shop = Workshop(store=store)
    shop.service.submit(request(), job_id="mine")
    shop.loop.run_next(0)

    def again() -> None:
        shop.service.submit(request(seed=8), job_id="mine")
        shop.loop.run_next(0)

    store.meanwhile = again
    with pytest.raises(UnknownJob):
        shop.service.purge(JobId("mine"))
    job = shop.service.get(JobId("mine"))
    assert (job.state, job.request.seed) == (JobState.SUCCEEDED, 8)
    assert job.result is not None
    assert shop.service.image(job.result.images[0].blob)
