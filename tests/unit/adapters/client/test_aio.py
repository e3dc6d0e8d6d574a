"""The async client does what the sync one does; here what is written twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx
import pytest

from adapters.client.aio import AsyncClient
from adapters.client.errors import ServerUnreachable
from adapters.client.models import Txt2ImgRequest, job_of
from core.domain.errors import JobConflict, QueueFull, UnknownJob
from tests.unit.adapters.client.conftest import (
    DONE,
    HASTY,
    JOB,
    MODELS,
    PLUGINS,
    Server,
    event,
    problem,
    progress,
    stream,
)

T = TypeVar("T")
Play = Callable[[Callable[[AsyncClient], Coroutine[Any, Any, T]]], T]
CAT = Txt2ImgRequest(prompt="a cat")
LOST = httpx.ConnectError("nobody there")


@pytest.fixture
def play(server: Server) -> Callable[..., Any]:
    def run(scene: Callable[[AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        async def within() -> Any:
            transport = httpx.MockTransport(server.later)
            async with AsyncClient("http://serena.example", retries=HASTY, transport=transport) as client:
                return await scene(client)

        return asyncio.run(within())

    return run


def test_submitting(play: Play[Any], server: Server) -> None:
    server.answers = [LOST, problem(429, "queue-full"), httpx.Response(202, json=JOB)]
    assert play(lambda client: client.submit(CAT)).id == "j1"
    assert len({request.headers["Idempotency-Key"] for request in server.asked}) == 1
    server.answers = [httpx.Response(202, json={"jobs": [JOB]})]
    assert [job.id for job in play(lambda client: client.submit_batch([job_of(CAT)]))] == ["j1"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (LOST, ServerUnreachable),
        (problem(404, "unknown-job"), UnknownJob),
        (problem(429, "queue-full", queue_length=2), QueueFull),
        (problem(409, "job-conflict"), JobConflict),
    ],
)
def test_errors(play: Play[Any], server: Server, answer: Any, error: type[Exception]) -> None:
    server.answers = [answer]
    with pytest.raises(error):
        play(lambda client: client.get("j1"))


def test_a_listing_goes_over_its_pages(play: Play[Any], server: Server) -> None:
    def page(*ids: str, cursor: str | None = None) -> httpx.Response:
        return httpx.Response(200, json={"jobs": [{**JOB, "id": name} for name in ids], "next": cursor})

    async def ids(client: AsyncClient, limit: int | None) -> list[str]:
        return [job.id async for job in client.jobs(["queued"], limit=limit)]

    server.answers = [page("a", "b", cursor="b"), page("c")]
    assert play(lambda client: ids(client, None)) == ["a", "b", "c"]
    server.answers = [page("a", "b", cursor="b"), page("c", cursor="c"), page("d")]
    assert play(lambda client: ids(client, 3)) == ["a", "b", "c"]


def test_small_calls(play: Play[Any], server: Server) -> None:
    async def scene(client: AsyncClient) -> list[str]:
        found = [await client.cancel("j"), await client.skip("j"), await client.retry("j")]
        return [job.id for job in found]

    server.answers = [httpx.Response(200, json=JOB)]
    assert play(scene) == ["j1"] * 3
    server.answers = [httpx.Response(204)]
    assert play(lambda client: client.delete("j")) is None
    server.answers = [httpx.Response(200, content=b"png")]
    assert play(lambda client: client.preview("j")) == b"png"
    assert server.asked[-1].url.path == "/api/v1/jobs/j/preview"
    server.answers = [
        httpx.Response(200, json={"counts": {}, "limit": None, "draining": True, "retention": {}})
    ]
    assert play(lambda client: client.queue()).draining
    server.answers = [httpx.Response(200, json=MODELS)]
    assert play(lambda client: client.models()).unusable[0].problem == "a pickle"
    server.answers = [httpx.Response(200, json=PLUGINS)]
    assert play(lambda client: client.plugins())[0].called[0].late == 1
    server.answers = [httpx.Response(200, json=MODELS["models"][0])]
    assert play(lambda client: client.model("m")).current


def test_waiting_tells_of_progress(play: Play[Any], server: Server) -> None:
    fractions: list[float] = []

    async def scene(client: AsyncClient) -> list[bytes]:
        job = await client.run(CAT, on_progress=lambda now: fractions.append(now.fraction))
        return await client.images(job)

    server.answers = [
        httpx.Response(202, json=JOB),
        stream(event(2, "progress", progress(0.5)), ": beat\n\n", event(5, "end", DONE)),
        httpx.Response(200, content=b"png"),
    ]
    assert play(scene) == [b"png"]
    assert fractions == [0.5]


def test_a_stream_that_breaks_goes_on_where_it_was(play: Play[Any], server: Server) -> None:
    async def scene(client: AsyncClient) -> list[int]:
        return [one.id async for one in client.events("j1")]

    server.answers = [
        stream(event(2, "progress", progress(0.1))),
        LOST,
        problem(503, "not-ready"),
        stream(event(7, "end", DONE)),
    ]
    assert play(scene) == [2, 7]
    assert [request.headers.get("Last-Event-ID") for request in server.asked] == [None, "2", "2", "2"]


def test_waiting_has_an_end(play: Play[Any], server: Server) -> None:
    server.answers = [stream(event(2, "progress", progress(0.1)))]
    with pytest.raises(TimeoutError, match="j1"):
        play(lambda client: client.wait("j1", timeout=0.01))
    server.answers = [stream()]
    with pytest.raises(ServerUnreachable):
        play(lambda client: client.wait("j1"))
