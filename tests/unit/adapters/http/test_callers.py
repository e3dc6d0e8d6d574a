"""Whose job it is: who may stop it, who comes back to it, and who takes it along by going."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from adapters.http.app import create_app
from core.domain.errors import QueueFull
from core.domain.job import Caller, JobId
from core.domain.request import GenerationRequest
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication

S = "/sdapi/v1"
TXT2IMG = f"{S}/txt2img"
KEY = {"Idempotency-Key": "k"}


def only_job(fake: FakeApplication) -> Caller:
    [job] = fake.jobs()
    return Caller(owner=job.owner, client=job.client)


def test_a_client_is_known_by_its_address(client: Client, fake: FakeApplication) -> None:
    client.post(TXT2IMG)
    assert only_job(fake) == Caller(client="127.0.0.1")


def test_a_client_is_known_by_the_name_it_gives(client: Client, fake: FakeApplication) -> None:
    client.post(TXT2IMG, headers={"X-Client-Id": " tablet "})
    assert only_job(fake) == Caller(client="tablet")


def test_a_user_is_known_by_the_credential(client_with: Callable[..., Client], fake: FakeApplication) -> None:
    client = client_with(http={"users": ["anna:pw"]})
    assert client.post(TXT2IMG, auth=("anna", "pw")).status_code == 200
    assert only_job(fake).owner == "anna"


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({}, Caller(client="127.0.0.1")),
        ({"X-Client-Id": "tablet"}, Caller(client="tablet", named=True)),
    ],
)
def test_who_names_no_job_means_their_own(
    client: Client, fake: FakeApplication, headers: dict[str, str], caller: Caller
) -> None:
    assert client.post(f"{S}/interrupt", headers=headers).json() == {}
    assert client.post(f"{S}/skip", headers=headers).status_code == 200
    client.get(f"{S}/progress", headers=headers)
    client.post("/internal/progress", headers=headers)
    assert fake.callers == [caller] * 4


def test_a_repeat_with_the_same_key_answers_with_the_same_job(client: Client, fake: FakeApplication) -> None:
    first, again = (client.post(TXT2IMG, {"prompt": "a"}, headers=KEY) for _ in range(2))
    assert first.headers["X-Job-Id"] == again.headers["X-Job-Id"]
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(fake.submitted) == 1
    other = client.post(TXT2IMG, {"prompt": "b"}, headers=KEY)
    assert (other.status_code, other.json()["error"]) == (422, "KeyReused")


@pytest.mark.parametrize(
    ("body", "headers", "settings", "detached"),
    [
        ({}, {}, {}, False),
        ({}, KEY, {}, True),
        ({"force_task_id": "mine"}, {}, {}, True),
        ({}, {}, {"jobs": {"cancel_on_disconnect": False}}, True),
    ],
)
def test_what_can_be_asked_for_again_is_not_given_up(
    client_with: Callable[..., Client],
    fake: FakeApplication,
    body: dict[str, str],
    headers: dict[str, str],
    settings: dict[str, dict[str, bool]],
    detached: bool,
) -> None:
    client_with(**settings).post(TXT2IMG, body, headers=headers)
    assert [job.detached for job in fake.jobs()] == [detached]


def test_a_repeat_attaches_to_the_job_while_it_waits(fake: FakeApplication) -> None:
    fake.automatic = False

    async def ask_twice() -> list[httpx.Response]:
        transport = httpx.ASGITransport(create_app(fake.application()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            asked = [asyncio.create_task(client.post(TXT2IMG, json={}, headers=KEY)) for _ in range(2)]
            while not (fake.jobs() and fake.waiters(fake.jobs()[0].id) == 2):
                await asyncio.sleep(0.001)
            await asyncio.to_thread(fake.finish, fake.jobs()[0].id)
            return [await one for one in asked]

    first, again = asyncio.run(ask_twice())
    assert first.headers["X-Job-Id"] == again.headers["X-Job-Id"]
    assert (first.status_code, first.json()) == (200, again.json())


@pytest.mark.parametrize("path", [TXT2IMG, "/v1/images/generations"])
@pytest.mark.parametrize(("headers", "stopped"), [({}, 1), (KEY, 0)])
def test_nobody_waits_while_nothing_can_be_drawn(
    client: Client, fake: FakeApplication, path: str, headers: dict[str, str], stopped: int
) -> None:
    fake.automatic = False
    fake.outage.begin("the worker cannot be started")
    answer = client.post(path, {"prompt": "a"}, headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "the worker cannot be started; where it can be asked for again" in answer.text
    assert len(fake.interrupted) == stopped, "what can be asked for again waits"


def test_a_full_queue_says_how_long_it_is(client: Client, fake: FakeApplication) -> None:
    fake.refusal = QueueFull(2, 7)
    answer = client.post(TXT2IMG)
    assert answer.status_code == 429
    assert (answer.headers["X-Queue-Length"], answer.headers["Retry-After"]) == ("7", "5")


def test_pending_tasks_come_oldest_first(client: Client, fake: FakeApplication) -> None:
    fake.automatic = False
    for name in ("one", "two"):
        fake.submit(GenerationRequest(), job_id=JobId(name))
    assert client.get("/internal/pending-tasks").json()["tasks"] == ["one", "two"]
