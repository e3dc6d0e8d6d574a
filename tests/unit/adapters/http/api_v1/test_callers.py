"""Who may see which job: another owner's is as unknown as one that never was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.http.app import create_app
from core.domain.job import JobId
from tests.unit.adapters.http.api_v1.conftest import JOBS, problem, submitted
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication
from tests.unit.adapters.http.test_auth import basic

ANNA, BERT = basic("anna:1"), basic("bert:2")
OF_A_JOB = [
    ("GET", ""),
    ("GET", "/events"),
    ("GET", "/images/0"),
    ("GET", "/preview"),
    ("POST", "/cancel"),
    ("POST", "/skip"),
    ("POST", "/retry"),
    ("DELETE", ""),
]


@pytest.fixture
def guarded(client_with: Callable[..., Client]) -> Client:
    return client_with(http={"users": ["anna:1", "bert:2"]})


def test_every_route_of_a_job_is_among_these(fake: FakeApplication) -> None:
    paths = create_app(fake.application()).openapi()["paths"]
    of_a_job = [(path, item) for path, item in paths.items() if path.startswith(f"{JOBS}/{{job_id}}")]
    found = {(m.upper(), path.partition("}")[2]) for path, item in of_a_job for m in item}
    assert found == {(m, path.replace("/0", "/{number}")) for m, path in OF_A_JOB}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", JOBS), ("GET", JOBS), ("POST", f"{JOBS}/batch"), ("GET", "/api/v1/queue")]
)
@pytest.mark.parametrize("headers", [{}, basic("anna:wrong")])
def test_nobody_without_a_password(guarded: Client, method: str, path: str, headers: dict[str, str]) -> None:
    answer = guarded.ask(method, path, headers=headers)
    problem(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
def test_nobody_without_a_password_reaches_a_job(guarded: Client, method: str, path: str) -> None:
    problem(guarded.ask(method, f"{JOBS}/x{path}"), 401, "unauthorized")


@pytest.mark.parametrize(("method", "path"), OF_A_JOB)
@pytest.mark.parametrize("ended", [True, False])
def test_the_job_of_another(
    guarded: Client, fake: FakeApplication, method: str, path: str, ended: bool
) -> None:
    fake.automatic = ended
    job = submitted(guarded, headers=ANNA)
    theirs = problem(guarded.ask(method, job["url"] + path, headers=BERT), 404, "unknown-job")
    never = problem(guarded.ask(method, f"{JOBS}/nope{path}", headers=BERT), 404, "unknown-job")
    assert theirs["detail"] == never["detail"].replace("nope", job["id"])
    assert fake.interrupted == fake.skipped == []
    assert len(fake.jobs()) == 1


def test_only_its_owner_is_told_that_a_job_has_expired(guarded: Client) -> None:
    job = submitted(guarded, headers=ANNA)
    assert guarded.ask("DELETE", job["url"], headers=ANNA).status_code == 204
    problem(guarded.get(job["url"], headers=ANNA), 410, "expired-job")
    problem(guarded.get(job["url"], headers=BERT), 404, "unknown-job")
    file = f"/v1/images/files/{job['id']}/0"
    assert [guarded.get(file, headers=who).status_code for who in (ANNA, BERT)] == [410, 404]


def test_a_listing_has_ones_own(guarded: Client, fake: FakeApplication) -> None:
    mine, theirs = submitted(guarded, headers=ANNA), submitted(guarded, headers=BERT)
    assert [job["id"] for job in guarded.get(JOBS, headers=ANNA).json()["jobs"]] == [mine["id"]]
    assert [job.owner for job in fake.jobs()] == ["bert", "anna"]
    after = guarded.get(f"{JOBS}?cursor={theirs['id']}", headers=ANNA).json()
    assert after["jobs"] == []


def test_keys_of_two_owners_are_two(guarded: Client) -> None:
    key = {"Idempotency-Key": "k"}
    first, second = (submitted(guarded, headers={**who, **key}) for who in (ANNA, BERT))
    assert first["id"] != second["id"]


def test_without_passwords_everybody_sees_all(client: Client, fake: FakeApplication) -> None:
    job = submitted(client, headers={"X-Client-Id": "one"})
    assert client.get(job["url"], headers={"X-Client-Id": "two"}).status_code == 200
    assert fake.jobs()[0].client == "one"
    assert fake.jobs()[0].id == JobId(job["id"])
