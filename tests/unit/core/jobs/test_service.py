"""Jobs through the service and the loop, with no thread but those that a test starts itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adapters.jobs.memory import MemoryJobStore
from core.domain.errors import (
    BackendError,
    InvalidImage,
    InvalidValue,
    JobConflict,
    KeyReused,
    ModelError,
    NotReady,
    QueueFull,
    UnknownJob,
    UnknownModel,
    UnknownOption,
    UnknownSampler,
    UnknownScheduler,
)
from core.domain.image import BlobRef
from core.domain.job import Caller, Job, JobId, JobState, Lease
from core.domain.limits import RequestLimits
from core.domain.request import HiresParams
from core.domain.result import Outcome
from core.jobs.rules import JobRules
from core.ports.driven import QueueLimits, RunWatch
from core.prepared import Batch, PreparedRun
from plugins.hookspecs import hookimpl
from tests.unit.core.workshop import MODEL, NOW, ScriptedBackend, Workshop, img2img, request

WHITE = np.full((16, 16, 3), 255, np.uint8)


def test_a_job_is_queued_then_run_then_told() -> None:
    shop = Workshop()
    job_id = shop.service.submit(request(), caller=Caller(owner="ann"), priority=3)
    assert shop.state(job_id) is JobState.QUEUED
    assert shop.service.progress(job_id).position == 0
    assert shop.loop.run_next(0) == job_id
    job = shop.service.wait(job_id, 0)
    assert (job.state, job.owner, job.priority, job.attempts) == (JobState.SUCCEEDED, "ann", 3, 1)
    assert job.result is not None
    assert job.result.receipt.job_id == job_id
    assert shop.service.progress(job_id).fraction == 1.0


def test_there_may_be_no_job() -> None:
    shop = Workshop()
    assert shop.loop.run_next(0) is None
    shop.service.interrupt()
    shop.service.skip()
    assert shop.service.progress().state is None
    for ask in (shop.service.get, shop.service.progress, shop.service.wait, shop.service.interrupt):
        with pytest.raises(UnknownJob):
            ask(JobId("nobody"))
    with pytest.raises(UnknownJob):
        shop.service.when_done(JobId("nobody"), print)


def test_a_wait_may_time_out() -> None:
    shop = Workshop()
    with pytest.raises(TimeoutError, match="job-1"):
        shop.service.wait(shop.service.submit(request()), 0)


def test_everybody_who_waits_is_told_once_whatever_others_do() -> None:
    shop = Workshop()
    told: list[str] = []

    def fail(job: Job) -> None:
        raise RuntimeError("my loop is closed")

    job_id = shop.service.submit(request())
    shop.service.when_done(job_id, fail)
    shop.service.when_done(job_id, lambda job: told.append(f"before {job.state}"))
    shop.loop.run_next(0)
    shop.service.when_done(job_id, lambda job: told.append(f"after {job.state}"))
    assert told == ["before succeeded", "after succeeded"]


def test_a_queued_job_is_cancelled_at_once() -> None:
    shop = Workshop()
    job_id = shop.service.submit(img2img([shop.put(WHITE)]))
    told: list[Job] = []
    shop.service.when_done(job_id, told.append)
    shop.service.interrupt(job_id)
    assert [job.state for job in told] == [JobState.CANCELLED]
    assert shop.service.wait(job_id, 0).result is None
    assert shop.loop.run_next(0) is None
    assert len(shop.blobs) == 0
    shop.service.interrupt(job_id)  # it has ended: no error


@pytest.mark.parametrize("by_id", [True, False])
def test_a_running_job_is_interrupted_with_what_it_has(by_id: bool) -> None:
    shop = Workshop()

    def stop(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        if batch.index == 1:
            shop.service.interrupt(JobId("mine") if by_id else None)

    shop.scripted.on_run = stop
    shop.service.submit(request(n_iter=4), job_id="mine")
    shop.loop.run_next(0)
    job = shop.service.wait(JobId("mine"), 0)
    assert job.state is JobState.CANCELLED
    assert job.result is not None
    assert len(job.result.images) == 2
    assert job.result.receipt.outcome is Outcome.INTERRUPTED
    assert shop.service.progress().interrupted


def test_a_skip_drops_one_iteration() -> None:
    shop = Workshop()
    steps: list[int] = []

    def skip(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        steps.append(shop.service.progress().iteration)
        if batch.index == 0:
            shop.service.skip(JobId("mine"))

    shop.scripted.on_run = skip
    shop.service.submit(request(n_iter=2), job_id="mine")
    shop.loop.run_next(0)
    assert shop.service.wait(JobId("mine"), 0).state is JobState.SUCCEEDED
    assert steps == [0, 1]


def test_an_interrupt_between_taking_and_opening_is_not_lost() -> None:
    shop = Workshop()
    job_id = shop.service.submit(request())
    taken = shop.store.take(lambda job: job.start(shop.clock.now()), 0)
    assert taken is not None
    shop.service.interrupt(job_id)
    run = shop.live.open(taken)
    assert run.interrupted
    shop.live.close(run)
    assert not shop.live.open(taken).interrupted


def under_lease(token: str) -> Callable[[Job], Job]:
    return lambda job: job.start(NOW, Lease(token=token, worker="me", until=NOW))


class EndsWhenLookedAt(MemoryJobStore):
    """A job that runs ends in the moment between an interrupt's look and its deed."""

    looked = False

    def get(self, job_id: JobId) -> Job | None:
        job = super().get(job_id)
        if job is not None and job.state is JobState.RUNNING and not self.looked:
            self.looked = True
            self.update(job_id, lambda j: j.cancel(NOW, token=j.token))
        return super().get(job_id)


def test_an_interrupt_that_comes_too_late_does_not_hit_the_next_job_of_that_id() -> None:
    shop = Workshop(store=EndsWhenLookedAt())
    job_id = shop.service.submit(request(), job_id="mine")
    taken = shop.store.take(under_lease("one"), 0)
    assert taken is not None
    shop.service.interrupt(job_id)
    again = replace(taken, lease=replace(taken.lease, token="two")) if taken.lease else taken
    assert not shop.live.open(again).interrupted


def test_no_more_jobs_than_may_wait() -> None:
    shop = Workshop(rules=JobRules(limits=QueueLimits(total=2)))
    shop.service.submit(request())
    shop.service.submit(request())
    picture = shop.put(WHITE)
    with pytest.raises(QueueFull, match="2 jobs"):
        shop.service.submit(img2img([picture]))
    assert len(shop.blobs) == 0
    shop.loop.run_next(0)
    shop.service.submit(request())


def test_no_blob_outlives_its_jobs() -> None:
    shop = Workshop(rules=JobRules(keep=2))
    for index in range(5):
        shop.draw(img2img([shop.put(WHITE)], seed=index) if index % 2 else request(seed=index))
    assert [job.id for job in shop.service.jobs()] == ["job-5", "job-4"]
    kept = [image.blob for job in shop.service.jobs() if job.result for image in job.result.images]
    assert len(shop.blobs) == len(set(kept)) == 2
    assert all(shop.service.image(ref) for ref in kept)
    with pytest.raises(UnknownJob):
        shop.service.image(BlobRef("no such blob"))


def test_pictures_of_equal_bytes_are_counted() -> None:
    shop = Workshop(rules=JobRules(keep=1))
    first = shop.result(request())
    again = shop.result(request())
    assert first.images[0].blob == again.images[0].blob
    assert shop.service.image(again.images[0].blob)


def test_an_id_of_ones_own_is_free_again_when_its_job_has_ended() -> None:
    shop = Workshop()
    shop.service.submit(request(), job_id="mine")
    picture = shop.put(WHITE)
    with pytest.raises(JobConflict):
        shop.service.submit(img2img([picture]), job_id="mine")
    assert len(shop.blobs) == 0
    shop.loop.run_next(0)
    shop.service.submit(request(seed=8), job_id="mine")
    assert len(shop.blobs) == 0
    shop.loop.run_next(0)
    assert [job.request.seed for job in shop.service.jobs()] == [8]


def test_an_id_is_free_as_soon_as_its_waiters_are_told() -> None:
    shop = Workshop()
    again: list[str] = []
    job_id = shop.service.submit(request(), job_id="mine")
    shop.service.when_done(
        job_id, lambda _: again.append(shop.service.submit(request(seed=8), job_id="mine"))
    )
    shop.loop.run_next(0)
    assert again == ["mine"]
    assert shop.state("mine") is JobState.QUEUED


class LooksWhenSaved:
    """Does something in the moment between the commit of a result and the news of it."""

    def __init__(self) -> None:
        self.look: Callable[[], object] = lambda: None

    @hookimpl
    def serena_saved(self) -> None:
        self.look()


def test_a_job_that_is_just_ending_still_has_its_id() -> None:
    plugin = LooksWhenSaved()
    shop = Workshop(plugins={"looks": plugin})
    job_id = shop.service.submit(request(save_images=True), job_id="mine")
    told: list[Job] = []

    def look() -> None:
        assert shop.state("mine") is JobState.SUCCEEDED
        shop.service.when_done(job_id, told.append)
        assert told == [], "its files are not all there yet"
        with pytest.raises(JobConflict):
            shop.service.submit(request(), job_id="mine")

    plugin.look = look
    shop.loop.run_next(0)
    assert [job.id for job in told] == ["mine"]
    assert told[0].result is not None
    assert told[0].result.images[0].path is not None
    shop.service.submit(request(), job_id="mine")


def test_jobs_that_a_store_brings_along_count_as_ended() -> None:
    store = MemoryJobStore()
    before = Workshop(store=store)
    before.draw(request())
    after = Workshop(store=store)
    assert after.service.wait(JobId("job-1"), 0).state is JobState.SUCCEEDED
    after.service.submit(request(), job_id="job-1")


@pytest.mark.parametrize("error", [ModelError("truncated"), BackendError("no memory"), UnknownModel("x")])
def test_a_failure_comes_back_as_it_was(error: Exception) -> None:
    shop = Workshop()
    shop.scripted.fail_with(error)
    with pytest.raises(type(error), match=str(error)[:9]):
        shop.draw(request())
    job = shop.service.get(JobId("job-1"))
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.kind == type(error).__name__
    assert shop.live.all() == []


@pytest.mark.parametrize("error", [ValueError("a\nb"), MemoryError(), SystemExit(3)])
def test_a_stranger_s_failure_is_one_sentence_and_ends_the_job(error: BaseException) -> None:
    shop = Workshop()

    def fail(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        raise error

    shop.scripted.on_run = fail
    with pytest.raises(BackendError, match="nobody foresaw") as found:
        shop.draw(request())
    assert "\n" not in str(found.value)
    assert shop.live.all() == []
    assert shop.service.jobs()[0].state is JobState.FAILED


def test_two_threads_draw_every_job_once() -> None:
    shop = Workshop(backend=ScriptedBackend(max_runs=2))
    meeting = threading.Barrier(2, timeout=20)
    shop.scripted.on_run = lambda run, batch, watch: meeting.wait() and None
    ids = [shop.service.submit(request(seed=seed)) for seed in range(6)]

    def work() -> None:
        while shop.loop.run_next(0) is not None:
            pass

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [shop.service.wait(job_id, 0).state for job_id in ids] == [JobState.SUCCEEDED] * 6
    assert len(shop.scripted.seen) == len(set(shop.scripted.seen)) == 6


def test_a_watcher_sees_steps_previews_and_stages() -> None:
    shop = Workshop()
    seen: list[tuple[Any, ...]] = []

    def look(run: PreparedRun, batch: Batch, watch: RunWatch) -> None:
        watch.begin_pass(4)
        assert (shop.service.progress(preview=True).preview is None) == (batch.index == 0)
        watch.step(2, lambda: shop.codec.decode(picture))
        now = shop.service.progress(preview=True)
        seen.append((now.stage, now.label, now.iteration, now.iterations, now.step, now.steps, now.fraction))
        assert now.preview is not None
        assert now.preview.startswith(b"\x89PNG")
        assert now.eta is not None
        assert now.eta > 0
        assert shop.service.progress(JobId("mine")).sequence == now.sequence
        watch.begin_pass(3)

    picture = shop.blobs.get(shop.put(WHITE)) or b""
    shop.scripted.on_run = look
    shop.service.submit(request(n_iter=2), job_id="mine")
    before = shop.service.progress(JobId("mine"))
    assert (before.state, before.fraction) == (JobState.QUEUED, 0.0)
    shop.loop.run_next(0)
    assert seen == [
        ("execute", "Batch 1 out of 2", 0, 2, 2, 4, 0.25),
        ("execute", "Batch 2 out of 2", 1, 2, 2, 4, 0.75),
    ]


def test_a_run_that_was_just_opened_has_no_fraction() -> None:
    shop = Workshop()
    shop.service.submit(request())
    taken = shop.store.take(lambda job: job.start(shop.clock.now()), 0)
    assert taken is not None
    run = shop.live.open(taken)
    assert (run.progress().fraction, run.progress().eta) == (0.0, None)
    run.plan(1, 1)
    run.begin_pass(0)
    assert run.progress().fraction == 0.0


def test_a_picture_that_is_none_is_refused() -> None:
    shop = Workshop()
    for data in (b"", b"no picture"):
        with pytest.raises(InvalidImage):
            shop.service.put_image(data)
    assert len(shop.blobs) == 0
    shop.service.drop_image(shop.put(WHITE))
    assert len(shop.blobs) == 0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"width": 0}, InvalidValue),
        ({"sampler_name": "Nobody"}, UnknownSampler),
        ({"scheduler": "Nobody"}, UnknownScheduler),
        ({"hires": HiresParams(scheduler="Nobody"), "denoising_strength": 0.5}, UnknownScheduler),
        ({"hires": HiresParams(sampler_name="Nobody"), "denoising_strength": 0.5}, UnknownSampler),
        ({"override_settings": {"nobody": 1}}, UnknownOption),
        ({"override_settings": {"CLIP_stop_at_last_layers": 99}}, InvalidValue),
        ({"override_settings": {"sd_model_checkpoint": "nobody"}}, UnknownModel),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_queued(
    fields: dict[str, Any], error: type[Exception]
) -> None:
    shop = Workshop()
    picture = shop.put(WHITE)
    with pytest.raises(error):
        shop.service.submit(img2img([picture], **fields))
    assert shop.service.jobs() == []
    assert len(shop.blobs) == 0


def test_the_model_of_a_job_may_be_gone_when_it_runs() -> None:
    shop = Workshop()
    shop.service.submit(request())
    gone = Workshop(store=shop.store, models=())
    gone.loop.run_next(0)
    job = shop.service.jobs()[0]
    assert job.error is not None
    assert job.error.kind == "UnknownModel"
    assert MODEL.identity.title in job.error.message


def test_a_refused_job_leaves_the_one_whose_id_it_wanted() -> None:
    shop = Workshop(rules=JobRules(limits=QueueLimits(total=1)))
    shop.service.submit(request(), job_id="mine")
    shop.loop.run_next(0)
    before = shop.service.get(JobId("mine"))
    shop.service.submit(request())
    with pytest.raises(QueueFull):
        shop.service.submit(request(seed=8), job_id="mine")
    assert shop.service.get(JobId("mine")) == before
    assert before.result is not None
    assert shop.service.image(before.result.images[0].blob)


def test_a_repeat_is_answered_while_the_server_stops() -> None:
    shop = Workshop()
    first = shop.service.submit(request(), key="key")
    shop.service.drain()
    assert shop.service.submit(request(), key="key") == first
    shop.service.check(request(), key="key")
    with pytest.raises(NotReady):
        shop.service.submit(request(), key="other")
    picture = shop.put(WHITE)
    with pytest.raises(KeyReused):
        shop.service.submit(img2img([picture]), key="key")
    with pytest.raises(KeyReused):
        shop.service.check(request(seed=8), key="key")
    assert len(shop.blobs) == 0


def test_a_repeat_is_answered_when_such_requests_are_refused_by_now() -> None:
    store = MemoryJobStore()
    first = Workshop(store=store).service.submit(request(steps=20), key="key", priority=1)
    shop = Workshop(store=store, limits=RequestLimits(max_steps=10))
    assert shop.service.submit(request(steps=20), key="key", webhook="http://nobody.invalid/") == first
    assert shop.service.get(first).priority == 1
    shop.service.check(request(steps=20), key="key")
    with pytest.raises(InvalidValue):
        shop.service.submit(request(steps=20), key="other")
    with pytest.raises(InvalidValue):
        shop.service.check(request(steps=20), key="other")
