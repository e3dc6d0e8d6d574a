"""Streams of ``/v1/images``, event by event."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from adapters.http.openai.partials import Milestone, Milestones
from adapters.http.openai.streaming import BEAT, PictureStream
from adapters.http.openai.wire import CreateImageRequest
from adapters.http.stopping import Stopping
from adapters.http.waiting import waiting_for
from core.domain.errors import UnknownJob
from core.domain.job import JobError, JobId, JobState
from core.domain.progress import Progress
from core.domain.request import GenerationRequest
from core.ports.driving import ControlJobs
from tests.unit.adapters.http.fakes import FakeApplication, running

GONE = {"type": "http.disconnect"}


class Caller:
    """A client that listens to a stream of one job of the fake application."""

    def __init__(
        self,
        fake: FakeApplication,
        partial_images: int = 0,
        beat: float = 60,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.fake = fake
        self.now = now
        self.stopping = Stopping()
        self.gone = False
        self.jobs: ControlJobs = fake.application().jobs
        self.body = CreateImageRequest(prompt="a", n=2, stream=True, partial_images=partial_images)
        self.beat = beat
        fake.automatic = False
        self.job = fake.submit(GenerationRequest(n_iter=2, width=64, height=32))
        fake.begin(self.job)

    def hear(
        self,
        react: Callable[[bytes], object],
        first: Callable[[], object] = lambda: None,
        after: float = 0.02,
    ) -> list[Any]:
        """All that comes; ``react`` is called for each, ``first`` once the stream is open."""
        return asyncio.run(self._hear(react, first, after))

    async def _hear(
        self, react: Callable[[bytes], object], first: Callable[[], object], after: float
    ) -> list[Any]:
        state = SimpleNamespace(state=SimpleNamespace(stopping=self.stopping))
        request = Request({"type": "http", "app": state}, self._receive)
        asyncio.get_running_loop().call_later(after, first)
        heard = []
        async for event in self._events(request):
            heard.append(event if event == BEAT else parsed(event))
            react(event)
        return heard

    async def _events(self, request: Request) -> AsyncIterator[bytes]:
        wanted = self.fake.submitted[0]
        stream = PictureStream(
            self.jobs, self.fake.image, self.body, wanted, "image_generation", beat=self.beat, now=self.now
        )
        async with waiting_for(self.fake, self.jobs, request, lambda: self.job) as ended:
            async for event in stream.events(self.job, ended, request):
                yield event

    async def _receive(self) -> Any:
        if not self.gone:
            await asyncio.sleep(60)
        return GONE


def parsed(event: bytes) -> dict[str, Any]:
    head, data = event.decode().removesuffix("\n\n").split("\n")
    found: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert head == f"event: {found['type']}"
    return found


def test_unfinished_pictures_come_before_the_finished_ones(fake: FakeApplication) -> None:
    caller = Caller(fake, partial_images=1)
    fake.snapshot = running(fraction=0.3, preview=b"half done")

    def react(event: bytes) -> None:
        if fake.snapshot.fraction < 0.5:
            fake.snapshot = running(fraction=0.8, preview=b"nearly done")
        elif not fake.jobs()[0].state.is_final:
            fake.finish(caller.job)

    heard = caller.hear(react)
    assert [event["type"].rpartition(".")[2] for event in heard] == [
        "partial_image", "partial_image", "completed", "completed",
    ]  # fmt: skip
    assert [event.get("partial_image_index") for event in heard] == [0, 0, None, None]
    assert (heard[0]["size"], heard[0]["output_format"], heard[0]["quality"]) == ("64x32", "png", "medium")
    assert heard[0]["b64_json"] != heard[1]["b64_json"]


def test_no_preview_is_made_before_it_is_due(fake: FakeApplication) -> None:
    caller = Caller(fake, partial_images=1)
    fake.snapshot = running(fraction=0.1, preview=b"coarse")
    heard = caller.hear(lambda event: None, lambda: fake.finish(caller.job))
    assert [event["type"] for event in heard] == ["image_generation.completed"] * 2
    assert True not in fake.previews


def test_a_job_that_waits_is_asked_less_often(fake: FakeApplication) -> None:
    caller = Caller(fake, partial_images=1, now=lambda: 0.0)
    fake.snapshot = Progress(state=JobState.QUEUED, position=1)
    caller.hear(lambda event: None, lambda: fake.finish(caller.job), after=0.2)
    assert len(fake.previews) == 1


def test_the_next_in_turn_is_asked_as_often_as_one_that_runs(fake: FakeApplication) -> None:
    caller = Caller(fake, partial_images=1, now=lambda: 0.0)
    fake.snapshot = Progress(state=JobState.QUEUED)
    caller.hear(lambda event: None, lambda: fake.finish(caller.job), after=0.2)
    assert len(fake.previews) > 1


def test_where_previews_are_off_only_the_end_is_shown(fake: FakeApplication) -> None:
    caller = Caller(fake, partial_images=3)
    fake.snapshot = running(fraction=0.9)
    heard = caller.hear(lambda event: None, lambda: fake.finish(caller.job))
    assert [event["type"] for event in heard] == ["image_generation.completed"] * 2


def test_a_long_silence_is_broken(fake: FakeApplication) -> None:
    caller = Caller(fake, beat=0)

    def react(event: bytes) -> None:
        if event == BEAT and not fake.jobs()[0].state.is_final:
            fake.finish(caller.job)

    assert caller.hear(react)[0] == BEAT


def test_what_goes_wrong_is_an_event(fake: FakeApplication) -> None:
    caller = Caller(fake)
    fake.failure = JobError("BackendError", "it broke")
    [event] = caller.hear(lambda event: None, lambda: fake.finish(caller.job))
    assert (event["type"], event["error"]["message"]) == ("error", "it broke")
    assert event["error"]["type"] == "server_error"


def test_a_job_that_is_cancelled_is_an_event(fake: FakeApplication) -> None:
    caller = Caller(fake)
    [event] = caller.hear(lambda event: None, lambda: fake.interrupt(caller.job))
    assert event["error"]["message"] == "the job was cancelled before it drew"


def test_the_end_of_the_server_is_an_event_and_the_job_is_left_alone(fake: FakeApplication) -> None:
    caller = Caller(fake)
    [event] = caller.hear(lambda event: None, caller.stopping.begin)
    assert "Serena stops" in event["error"]["message"]
    assert fake.interrupted == []


def test_a_client_that_goes_away_abandons_its_job(fake: FakeApplication) -> None:
    caller = Caller(fake)
    caller.gone = True
    assert caller.hear(lambda event: None) == []
    assert fake.interrupted == [caller.job]


class Forgetful:
    """A job that is forgotten at once when it ends."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.when_unable = caller.fake.when_unable

    def progress(self, job_id: JobId, **more: Any) -> Progress:
        self.caller.fake.finish(job_id)
        raise UnknownJob(job_id)


def test_a_job_that_is_forgotten_while_it_is_watched_is_shown(fake: FakeApplication) -> None:
    caller = Caller(fake, partial_images=1)
    caller.jobs = Forgetful(caller)  # type: ignore[assignment]
    assert [event["type"] for event in caller.hear(lambda event: None)] == ["image_generation.completed"] * 2


@pytest.mark.parametrize(
    ("pictures", "partials", "fractions", "reached"),
    [
        (1, 0, [0.5, 1.0], [None, None]),
        (1, 1, [0.4, 0.5, 1.0], [None, (0.5, 0), None]),
        (1, 3, [0.3, 0.9], [(0.25, 0), (0.75, 2)]),
        (2, 1, [0.2, 0.25, 0.5, 0.75], [None, (0.25, 0), None, (0.75, 0)]),
    ],
)
def test_milestones(pictures: int, partials: int, fractions: list[float], reached: list[Any]) -> None:
    milestones = Milestones(pictures, partials)
    found = [milestones.reached(Progress(fraction=fraction)) for fraction in fractions]
    assert found == [None if each is None else Milestone(*each) for each in reached]


def test_stopping_is_told_in_every_loop_and_later_too() -> None:
    stopping = Stopping()

    async def wait() -> None:
        asyncio.get_running_loop().call_later(0.02, stopping.begin)
        given_up = stopping.begun()
        given_up.cancel()
        await stopping.begun()

    asyncio.run(wait())
    asyncio.run(wait())
    assert stopping.has_begun
