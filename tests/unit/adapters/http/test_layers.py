"""The layers around the routes, each alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.middleware.body_limit import BodyLimit
from adapters.http.middleware.guard import Guard
from adapters.http.middleware.timing import ProcessTime
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication

LIMIT = 1024 * 1024


def too_large(client: Client, content: Any, **headers: str) -> None:
    answer = client.post(
        "/sdapi/v1/txt2img", content=content, headers={"content-type": "application/json", **headers}
    )
    assert answer.status_code == 413
    assert list(answer.json()) == ["error", "detail", "body", "errors"]
    assert str(LIMIT) in answer.json()["detail"]


def test_an_announced_body_is_refused_before_it_is_read(
    client_with: Callable[..., Client], fake: FakeApplication
) -> None:
    too_large(client_with(http={"max_body_mb": 1}), b"x" * (LIMIT + 1))
    assert fake.submitted == []


def test_a_chunked_body_is_counted(client_with: Callable[..., Client]) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(17):
            yield b"x" * (LIMIT // 16)

    too_large(client_with(http={"max_body_mb": 1}), chunks())


def test_a_body_at_the_limit_passes(client_with: Callable[..., Client]) -> None:
    content = b"{" + b" " * (LIMIT - 2) + b"}"
    client = client_with(http={"max_body_mb": 1})
    headers = {"content-type": "application/json"}
    assert client.post("/sdapi/v1/txt2img", content=content, headers=headers).status_code == 200


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "passed", "receive": receive})


@pytest.mark.parametrize("layer", [lambda app: BodyLimit(app, 1), ProcessTime, Guard])
def test_other_protocols_pass(layer: Callable[[ASGIApp], ASGIApp]) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(layer(_lifespan)({"type": "lifespan"}, receive, send))
    assert sent[0]["type"] == "passed"


def test_an_error_after_the_answer_began_is_logged_and_raised(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    async def nothing(*_: Any) -> Message:
        return {}

    scope = {"type": "http", "method": "GET", "path": "/x"}
    with caplog.at_level(logging.ERROR), pytest.raises(RuntimeError, match="in the middle"):
        asyncio.run(Guard(breaks)(scope, nothing, nothing))  # type: ignore[arg-type]
    assert "GET /x failed" in caplog.text
