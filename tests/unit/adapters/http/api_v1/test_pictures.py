from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.http.api_v1.pictures import media_of
from core.domain.job import JobId
from tests.unit.adapters.http.api_v1.conftest import problem, submitted
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import PNG, FakeApplication, running


def test_a_picture(client: Client) -> None:
    job = submitted(client)
    answer = client.get(f"{job['url']}/images/0")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == 'inline; filename="0.png"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("given", "status"), [("{}", 304), ("W/{}", 304), ('"x", {}', 304), ("*", 304), ('"x"', 200)]
)
def test_a_picture_that_the_client_has(client: Client, given: str, status: int) -> None:
    url = f"{submitted(client)['url']}/images/0"
    tag = client.get(url).headers["etag"]
    again = client.get(url, headers={"If-None-Match": given.format(tag)})
    assert (again.status_code, again.headers["etag"]) == (status, tag)
    assert (again.content == b"") == (status == 304)


@pytest.mark.parametrize("number", ["1", "-1", "99999999999999999999"])
def test_a_picture_that_is_not_there(client: Client, number: str) -> None:
    found = problem(client.get(f"{submitted(client)['url']}/images/{number}"), 404, "unknown-image")
    assert "has 1 pictures" in found["detail"]


def test_a_number_that_is_none(client: Client) -> None:
    problem(client.get(f"{submitted(client)['url']}/images/x"), 422, "invalid-request")


def test_pictures_of_a_job_that_waits(client: Client, fake: FakeApplication) -> None:
    fake.automatic = False
    found = problem(client.get(f"{submitted(client)['url']}/images/0"), 404, "unknown-image")
    assert "queued" in found["detail"]


def test_pictures_of_a_job_that_was_forgotten(client: Client, fake: FakeApplication) -> None:
    job = submitted(client)
    fake.forget_pictures()
    problem(client.get(f"{job['url']}/images/0"), 410, "expired-job")
    client.ask("DELETE", job["url"])
    problem(client.get(f"{job['url']}/images/0"), 410, "expired-job")
    problem(client.get("/api/v1/jobs/nope/images/0"), 404, "unknown-job")


def test_a_preview(client: Client, fake: FakeApplication) -> None:
    fake.automatic = False
    job = submitted(client)
    problem(client.get(f"{job['url']}/preview"), 404, "no-preview")
    fake.begin(JobId(job["id"]))
    fake.snapshot = replace(running(), preview=PNG)
    answer = client.get(f"{job['url']}/preview")
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("data", "media"),
    [(b"\xff\xd8x", "image/jpeg"), (b"RIFFx", "image/webp"), (b"?", "application/octet-stream")],
)
def test_the_type_of_a_preview(data: bytes, media: str) -> None:
    assert media_of(data) == media
