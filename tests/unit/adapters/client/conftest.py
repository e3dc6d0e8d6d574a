from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from adapters.client.retrying import Retries
from adapters.client.sync import Client

HASTY = Retries(attempts=2, first=0.001, longest=0.002, patience=0.05)
JOB: dict[str, Any] = {
    "id": "j1",
    "kind": "txt2img",
    "state": "queued",
    "url": "/api/v1/jobs/j1",
    "seed": 1,
    "subseed": 2,
    "created_at": "2026-01-02T03:04:05Z",
}
IMAGE = {
    "index": 0, "url": "/api/v1/jobs/j1/images/0", "width": 8, "height": 8, "seed": 1, "subseed": 2,
    "infotext": "a cat", "format": "png", "size": 3,
}  # fmt: skip
RESULT = {
    "images": [IMAGE],
    "info": {},
    "comments": [],
    "timings": {"queue": 0.5, "prepare": 0.25, "execute": 1.0, "finalize": 0.25},
}
MODELS: dict[str, Any] = {
    "models": [
        {
            "title": "m", "name": "m", "model_name": "m", "hash": None, "sha256": None, "current": True,
            "family": "sd1", "family_title": None, "layout": "folder", "precision": ["F16"],
            "prediction": "epsilon", "prediction_assumed": False, "channels": 4, "tensors": 1, "bytes": 7,
            "missing": [], "config": None, "problem": None,
        }
    ],
    "unusable": [{"name": "old.ckpt", "problem": "a pickle"}],
}  # fmt: skip
PLUGINS: dict[str, Any] = {
    "plugins": [
        {
            "name": "sepia", "distribution": "d", "version": "1", "builtin": False, "error": None,
            "warnings": [], "hooks": ["h"], "scripts": [], "settings": [],
            "called": [{"hook": "h", "calls": 2, "seconds": 0.5, "failures": 1, "late": 1}],
        }
    ]
}  # fmt: skip
DONE = {**JOB, "state": "succeeded", "result": RESULT}


def problem(status: int, code: str, detail: str = "so", **more: Any) -> httpx.Response:
    body = {
        "type": f"urn:serena:problem:{code}",
        "title": code,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return httpx.Response(status, json={**body, **more}, headers={"content-type": "application/problem+json"})


def event(number: int, name: str, data: dict[str, Any]) -> str:
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data)}\n\n"


def progress(fraction: float, state: str = "running") -> dict[str, Any]:
    return {"id": "j1", "state": state, "fraction": fraction}


def stream(*parts: str) -> httpx.Response:
    return httpx.Response(200, text="".join(parts), headers={"content-type": "text/event-stream"})


Answer = httpx.Response | Exception


class Server:
    """Answers what it was told to answer, in order; the last again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def later(self, request: httpx.Request) -> httpx.Response:
        return self(request)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.asked]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client_with(server: Server) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(**more: Any) -> Client:
        options = {"retries": HASTY, "transport": httpx.MockTransport(server), **more}
        made.append(Client("http://serena.example", **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(client_with: Callable[..., Client]) -> Client:
    return client_with()
