"""What follows the commit: files and webhooks, when something is in the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.images.store_memory import MemoryImageStore
from core.domain.errors import StorageError
from core.domain.job import Delivery, JobId, JobState
from core.jobs.publishing import FIRST_PAUSE, MOST_DELIVERIES, PATIENCE
from core.ports.driven import StoredImage
from plugins.hookspecs import hookimpl
from tests.unit.core.workshop import Workshop, request


class Receiver:
    """Takes what ``takes`` says, and keeps what came."""

    def __init__(self, *takes: bool) -> None:
        self._takes = iter(takes)
        self.got: list[tuple[Delivery, str]] = []

    def allowed(self, url: str) -> bool:
        return url.startswith("http://127.0.0.1")

    def deliver(self, delivery: Delivery, body: bytes) -> bool:
        self.got.append((delivery, body.decode()))
        return next(self._takes, False)


class FullDisk(MemoryImageStore):
    """Refuses the next ``refusals`` files."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals

    def save(self, *args: Any, **more: Any) -> StoredImage:
        if self.refusals:
            self.refusals -= 1
            raise StorageError("the disk is full; free some space")
        return super().save(*args, **more)


def hooked(receiver: Receiver) -> tuple[Workshop, JobId]:
    shop = Workshop(webhooks=receiver)
    job_id = shop.service.submit(request(), webhook="http://127.0.0.1/done")
    shop.loop.run_next(0)
    return shop, job_id


def wait(shop: Workshop, seconds: float) -> None:
    """Each look at the clock takes a second."""
    for _ in range(int(seconds)):
        shop.clock.seconds()
    shop.crew.look_after()


def test_a_webhook_tells_what_happened() -> None:
    receiver = Receiver(True)
    shop, job_id = hooked(receiver)
    assert receiver.got == [], "not before the job's own callers are told"
    shop.crew.look_after()
    shop.crew.look_after()
    [(delivery, body)] = receiver.got
    assert delivery.url == "http://127.0.0.1/done"
    assert body == f"{job_id} succeeded"
    assert shop.service.get(job_id).due_at is None


def test_a_webhook_of_a_cancelled_job_comes_too() -> None:
    receiver = Receiver(True)
    shop = Workshop(webhooks=receiver)
    job_id = shop.service.submit(request(), webhook="http://127.0.0.1/done")
    shop.service.interrupt(job_id)
    shop.crew.look_after()
    assert [body for _, body in receiver.got] == [f"{job_id} cancelled"]


def test_a_webhook_is_repeated_under_the_same_id() -> None:
    receiver = Receiver(False, False, True)
    shop, job_id = hooked(receiver)
    shop.crew.look_after()
    shop.crew.look_after()
    assert len(receiver.got) == 1, "after a pause only"
    for attempt in range(3):
        wait(shop, FIRST_PAUSE.total_seconds() * 2**attempt)
    assert len({delivery.id for delivery, _ in receiver.got}) == 1
    assert [delivery.attempts for delivery, _ in receiver.got] == [0, 1, 2]
    assert shop.service.get(job_id).delivery is None


def test_a_webhook_is_given_up_at_last(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    shop, job_id = hooked(receiver)
    for attempt in range(MOST_DELIVERIES + 2):
        wait(shop, FIRST_PAUSE.total_seconds() * 2**attempt)
    assert len(receiver.got) == MOST_DELIVERIES
    assert "given up after 8 attempts" in caplog.text
    assert (shop.service.get(job_id).delivery, shop.service.get(job_id).due_at) == (None, None)


def test_a_job_that_is_purged_while_its_webhook_is_on_its_way() -> None:
    class Purging(Receiver):
        def deliver(self, delivery: Delivery, body: bytes) -> bool:
            shop.service.purge(job_id)
            return super().deliver(delivery, body)

    receiver = Purging(True)
    shop, job_id = hooked(receiver)
    shop.crew.look_after()
    shop.crew.look_after()
    assert len(receiver.got) == 1
    assert shop.service.jobs() == []


def test_files_that_the_disk_refuses_are_written_later(caplog: pytest.LogCaptureFixture) -> None:
    disk = FullDisk(2)
    shop = Workshop(files=disk)
    job = shop.draw(request(save_images=True))
    assert (job.state, len(job.files)) == (JobState.SUCCEEDED, 1)
    assert "will be written later: the disk is full" in caplog.text
    wait(shop, 1)
    assert disk.refusals == 1, "after a pause only"
    wait(shop, 60)
    wait(shop, 60)
    job = shop.service.get(job.id)
    assert job.result is not None
    assert (job.files, job.due_at) == ((), None)
    assert list(shop.files.files) == [job.result.images[0].path]


def test_files_are_given_up_after_a_day(caplog: pytest.LogCaptureFixture) -> None:
    shop = Workshop(files=FullDisk(10))
    job = shop.draw(request(save_images=True))
    wait(shop, 2 * 86400)
    job = shop.service.get(job.id)
    assert (job.files, job.due_at) == ((), None)
    assert "are given up" in caplog.text


class Angry:
    @hookimpl
    def serena_saved(self) -> None:
        raise RuntimeError("no")


def test_a_plugin_that_fails_after_the_fact_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    shop = Workshop(plugins={"angry": Angry()})
    job = shop.draw(request(save_images=True))
    assert job.state is JobState.SUCCEEDED
    assert job.result is not None
    assert job.result.images[0].path in shop.files.files
    assert "plugin 'angry' failed in serena_saved" in caplog.text


def test_a_file_whose_bytes_are_gone_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    shop = Workshop(files=FullDisk(1), changed={"save_txt": True})
    job = shop.draw(request(save_images=True, batch_size=2))
    kept = job.files[2]
    for order in job.files[:2]:
        for _ in range(3):
            shop.blobs.release(order.blob)
    for side in kept.beside:
        shop.blobs.release(side.blob)
    wait(shop, 60)
    assert "its bytes are gone" in caplog.text
    assert [name.rpartition(".")[2] for name in shop.files.files] == [kept.extension]


class Sleeping(MemoryImageStore):
    """Does something else after it wrote its first file."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def save(self, *args: Any, **more: Any) -> StoredImage:
        stored = super().save(*args, **more)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return stored


def test_who_slept_leaves_the_other_files_to_whoever_has_them_now(caplog: pytest.LogCaptureFixture) -> None:
    disk = Sleeping()
    shop = Workshop(files=disk)
    job_id = shop.service.submit(request(save_images=True, batch_size=2))

    def sleep() -> None:
        for _ in range(60):
            now = shop.clock.now()
        shop.store.update(job_id, lambda job: job.claim(now, now + PATIENCE))

    disk.meanwhile = sleep
    shop.loop.run_next(0)
    assert "are left to others" in caplog.text
    assert (len(disk.files), len(shop.service.get(job_id).files)) == (1, 3)
    wait(shop, 60)
    assert (len(disk.files), shop.service.get(job_id).files) == (3, ())


def test_a_job_that_is_purged_while_its_file_is_written() -> None:
    disk = Sleeping()
    shop = Workshop(files=disk)
    kept = shop.draw(request())
    job_id = shop.service.submit(request(save_images=True))
    disk.meanwhile = lambda: shop.service.purge(job_id)
    shop.loop.run_next(0)
    assert [job.id for job in shop.service.jobs()] == [kept.id]
    assert kept.result is not None
    assert shop.service.image(kept.result.images[0].blob), "its bytes are released once, not twice"


def test_the_end_of_a_delivery_does_not_touch_a_later_job_of_that_id() -> None:
    class UsesAgain(Receiver):
        def deliver(self, delivery: Delivery, body: bytes) -> bool:
            shop.service.purge(JobId("mine"))
            shop.service.submit(request(), job_id="mine")
            return super().deliver(delivery, body)

    shop = Workshop(webhooks=UsesAgain(False))
    shop.service.submit(request(), job_id="mine", webhook="http://127.0.0.1/done")
    shop.loop.run_next(0)
    shop.keeper.publish_due()
    job = shop.service.get(JobId("mine"))
    assert (job.state, job.delivery, job.due_at) == (JobState.QUEUED, None, None)
