"""The hub: what streams are told, and what it costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeVar, cast

import pytest

from adapters.http.api_v1.events import BEAT, EventHub, Pace
from adapters.http.wire.job_views import job_view
from core.domain.errors import StorageError
from core.domain.job import Job, JobId, JobState
from core.domain.progress import Progress
from core.domain.request import GenerationRequest
from core.ports.driving import ControlJobs
from tests.unit.adapters.http.api_v1.conftest import problem, submitted
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication

FAST = Pace(look=0.002, waiting=2, beat=30.0)
T = TypeVar("T")


class Stream:
    """A reader of one job's events."""

    def __init__(
        self, hub: EventHub, job: Job, seen: int | None = None, stops: Callable[[], bool] = lambda: False
    ) -> None:
        self.chunks = hub.follow(job, seen, job_view, stops)
        self.ids: list[int] = []

    async def next(self) -> str:
        """The name of the next event."""
        async with asyncio.timeout(10):
            async for chunk in self.chunks:
                fields = dict(line.split(": ", 1) for line in chunk.decode().splitlines() if ": " in line)
                if "event" in fields:
                    self.ids.append(int(fields["id"]))
                    return fields["event"]
        return "over"

    async def rest(self) -> list[str]:
        found = []
        while (name := await self.next()) != "over":
            found.append(name)
        return found


def play(scene: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(scene)


@pytest.fixture
def fake(fake: FakeApplication) -> FakeApplication:
    fake.automatic = False
    return fake


@pytest.fixture
def jobs(fake: FakeApplication) -> ControlJobs:
    return fake.application().jobs


@pytest.fixture
def hub(fake: FakeApplication, jobs: ControlJobs) -> EventHub:
    return EventHub(fake, jobs, FAST)


def new_job(fake: FakeApplication, jobs: ControlJobs) -> Job:
    return jobs.get(fake.submit(GenerationRequest()))


def test_a_job_from_its_beginning_to_its_end(fake: FakeApplication, jobs: ControlJobs, hub: EventHub) -> None:
    async def scene() -> Stream:
        job = new_job(fake, jobs)
        stream = Stream(hub, job)
        assert await stream.next() == "state"
        fake.begin(job.id)
        assert await stream.next() == "state"
        fake.snapshot = Progress(state=JobState.RUNNING, fraction=0.5, sequence=1)
        assert await stream.next() == "progress"
        fake.finish(job.id)
        assert await stream.rest() == ["end"]
        return stream

    ids = play(scene()).ids
    assert ids == sorted(set(ids))
    assert [number % 2 for number in ids] == [0, 0, 0, 1]


def test_a_reader_that_comes_back_hears_only_news(
    fake: FakeApplication, jobs: ControlJobs, hub: EventHub
) -> None:
    async def scene() -> None:
        job = new_job(fake, jobs)
        first = Stream(hub, job)
        await first.next()
        again, fresh = Stream(hub, job, first.ids[-1]), Stream(hub, job)
        waiting = asyncio.create_task(again.next())
        assert await fresh.next() == "state"
        assert fresh.ids == first.ids
        fake.begin(job.id)
        assert await waiting == "state"
        assert again.ids > first.ids
        fake.finish(job.id)
        assert {(await stream.rest())[-1] for stream in (first, again, fresh)} == {"end"}

    play(scene())


def test_ids_grow_over_a_restart(fake: FakeApplication, jobs: ControlJobs) -> None:
    async def scene() -> None:
        job = new_job(fake, jobs)
        before, after = (Stream(EventHub(fake, jobs, FAST), job) for _ in range(2))
        await before.next()
        while time.time_ns() // 1_000_000 <= before.ids[-1] // 2:
            await asyncio.sleep(0)
        await after.next()
        assert after.ids > before.ids

    play(scene())


def test_silence_is_broken_by_comments(fake: FakeApplication, jobs: ControlJobs) -> None:
    async def scene() -> None:
        hub = EventHub(fake, jobs, replace(FAST, beat=0.005))
        chunks = hub.follow(new_job(fake, jobs), None, job_view)
        async with asyncio.timeout(10), aclosing(as_generator(chunks)) as found:
            seen = [chunk async for chunk in take(found, 5)]
        assert seen[0].startswith(b"retry: ")
        assert BEAT in seen

    play(scene())


async def as_generator(chunks: AsyncIterator[bytes]) -> Any:
    async for chunk in chunks:
        yield chunk


async def take(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield await anext(chunks)


def test_a_job_that_is_forgotten_ends_its_streams(
    fake: FakeApplication, jobs: ControlJobs, hub: EventHub
) -> None:
    async def scene() -> None:
        job = new_job(fake, jobs)
        stream = Stream(hub, job)
        await stream.next()
        fake.lose(job.id)
        assert await stream.rest() == []
        # One that is gone before anybody could look.
        assert await Stream(hub, job).rest() == []
        # One that ends and is gone before the stream could tell of it.
        ends = new_job(fake, jobs)
        last = Stream(hub, ends)
        await last.next()
        fake.finish(ends.id)
        fake.lose(ends.id)
        assert await last.rest() == []

    play(scene())


class Shaky:
    """The jobs of a store that is away now and then."""

    def __init__(self, jobs: ControlJobs) -> None:
        self.away = False
        self.failures = 0
        self._jobs = jobs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)

    def progress(self, job_id: JobId) -> Progress:
        if self.away:
            self.failures += 1
            raise StorageError("the disk is full")
        return self._jobs.progress(job_id)


def test_a_store_that_was_away_silences_no_stream(
    fake: FakeApplication, jobs: ControlJobs, caplog: pytest.LogCaptureFixture
) -> None:
    shaky = Shaky(jobs)
    hub = EventHub(fake, cast(ControlJobs, shaky), FAST)

    async def scene() -> None:
        job = new_job(fake, jobs)
        stream = Stream(hub, job)
        assert await stream.next() == "state"
        shaky.away = True
        async with asyncio.timeout(10):
            while shaky.failures < 3:
                await asyncio.sleep(0.001)
        fake.begin(job.id)
        shaky.away = False
        assert await stream.next() == "state"
        fake.finish(job.id)
        assert (await stream.rest())[-1] == "end"

    play(scene())
    assert caplog.text.count("the disk is full") == 1


def test_a_server_that_ends_lets_go_of_its_streams(
    fake: FakeApplication, jobs: ControlJobs, hub: EventHub
) -> None:
    async def scene() -> None:
        stops: list[bool] = []
        streams = [Stream(hub, new_job(fake, jobs), stops=lambda: bool(stops)) for _ in range(2)]
        assert [await stream.next() for stream in streams] == ["state", "state"]
        waiting = [asyncio.create_task(stream.rest()) for stream in streams]
        await asyncio.sleep(0)
        stops.append(True)
        assert await asyncio.gather(*waiting) == [[], []]

    play(scene())


def test_many_streams_share_one_look(fake: FakeApplication, jobs: ControlJobs, hub: EventHub) -> None:
    """A thousand streams of jobs that wait: one task, and a few looks each time."""

    async def scene() -> None:
        before = len(asyncio.all_tasks())
        waiting = [new_job(fake, jobs) for _ in range(100)]
        streams = [Stream(hub, job) for job in waiting for _ in range(10)]
        assert set(await asyncio.gather(*(stream.next() for stream in streams))) == {"state"}
        assert len(asyncio.all_tasks()) - before == 1
        looks = len(fake.previews)
        first = streams[0]
        for fraction in (0.1, 0.2, 0.3):
            fake.snapshot = Progress(state=JobState.QUEUED, fraction=fraction)
            await first.next()
        # Two of the hundred at a time, in turns: none is looked at twice before all were.
        assert len(fake.previews) - looks <= 4 * len(waiting)
        for job in waiting:
            fake.finish(job.id)
        ends = await asyncio.gather(*(stream.rest() for stream in streams))
        assert {names[-1] for names in ends} == {"end"}

    play(scene())


def test_when_nobody_listens_nobody_looks(fake: FakeApplication, jobs: ControlJobs, hub: EventHub) -> None:
    async def scene() -> None:
        before = asyncio.all_tasks()
        job = new_job(fake, jobs)
        async with aclosing(as_generator(hub.follow(job, None, job_view))) as chunks:
            await anext(chunks)
            await anext(chunks)
        async with asyncio.timeout(10):
            while asyncio.all_tasks() != before:
                await asyncio.sleep(0.001)
        assert fake.waiters(job.id) == 0

    play(scene())


def test_the_route(client: Client, fake: FakeApplication) -> None:
    job = submitted(client)
    fake.finish(JobId(job["id"]))
    answer = client.get(f"{job['url']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.count("event: end") == 1
    number = answer.text.partition("id: ")[2].partition("\n")[0]
    again = client.get(f"{job['url']}/events", headers={"Last-Event-ID": number})
    assert (again.status_code, again.content) == (204, b"")
    for other in (str(int(number) - 1), "x", "9" * 30):
        assert "event: end" in client.get(f"{job['url']}/events", headers={"Last-Event-ID": other}).text
    problem(client.get("/api/v1/jobs/nope/events"), 404, "unknown-job")
