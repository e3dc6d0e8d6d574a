from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.http.app import create_app
from tests.unit.adapters.http.fakes import FakeApplication


class Client:
    """Asks the ASGI application without a socket."""

    def __init__(self, api: FastAPI) -> None:
        self.api = api

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.api)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        if "content" not in options:
            options["json"] = {} if json is None else json
        return self.ask("POST", path, **options)


@pytest.fixture
def fake() -> FakeApplication:
    return FakeApplication()


@pytest.fixture
def client_with(fake: FakeApplication) -> Callable[..., Client]:
    return lambda **settings: Client(create_app(fake.application(**settings)))


@pytest.fixture
def client(client_with: Callable[..., Client]) -> Client:
    return client_with()
