from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from adapters.nothing import NoResources
from core.domain.errors import KeyReused, NotReady
from core.domain.job import JobError, JobId
from core.domain.request import Kind
from core.domain.styles import Style
from tests.unit.adapters.http.api_v1.conftest import ALL_KINDS, JOBS, PICTURE, problem, submitted
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication


@pytest.fixture(autouse=True)
def every_kind(fake: FakeApplication) -> None:
    fake.kinds = frozenset(Kind)
    fake.automatic = False


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_job_of_every_kind(client: Client, fake: FakeApplication, kind: str) -> None:
    answer = client.post(JOBS, {"kind": kind, "request": ALL_KINDS[kind], "priority": 3})
    job = answer.json()
    assert (answer.status_code, job["state"], job["kind"]) == (202, "queued", kind)
    assert answer.headers["Location"] == job["url"] == f"{JOBS}/{job['id']}"
    assert fake.submitted[0].kind.value == kind
    [kept] = fake.jobs()
    assert (kept.priority, kept.detached) == (3, True)


def test_the_fields_are_those_of_the_reference(client: Client, fake: FakeApplication) -> None:
    request = {"prompt": "a dog", "width": "64", "sampler_index": "Euler a", "styles": [None, "x"]}
    client.post(JOBS, {"kind": "txt2img", "request": request})
    [sent] = fake.submitted
    assert (sent.width, sent.sampler_name, sent.styles) == (64, "Euler a", ("x",))


def test_an_infotext_fills_open_fields(client: Client, fake: FakeApplication) -> None:
    request = {"prompt": "a dog", "infotext": "a cat\nSteps: 7, Sampler: Euler, Seed: 5"}
    client.post(JOBS, {"kind": "txt2img", "request": request})
    assert [(sent.prompt, sent.steps) for sent in fake.submitted] == [("a dog", 7)]


def test_several_pictures_of_extras(client: Client, fake: FakeApplication) -> None:
    files = [{"data": PICTURE, "name": name} for name in ("a", "b")]
    client.post(JOBS, {"kind": "extras", "request": {"imageList": files, "upscaler_1": "Lanczos"}})
    [sent] = fake.submitted
    assert sent.extras is not None
    assert (len(sent.extras.images), sent.extras.names, sent.extras.upscaler_1) == (2, ("a", "b"), "Lanczos")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/", "union_tag_not_found"),
        ({"kind": "video", "request": {}}, "/", "union_tag_invalid"),
        ({"kind": "txt2img"}, "/request", "value_error.missing"),
        ({"kind": "txt2img", "request": {"width": "x"}}, "/request/width", "type_error.integer"),
        ({"kind": "txt2img", "request": {}, "priority": 101}, "/priority", "value_error.number.not_le"),
        ({"kind": "txt2img", "request": {}, "deterministic": 1}, "/deterministic", "bool_type"),
        ({"kind": "txt2img", "request": {}, "priority": 1.5}, "/priority", "type_error.integer"),
        ({"kind": "txt2img", "request": {}, "priorty": 1}, "/priorty", "extra_forbidden"),
        ({"kind": "extras", "request": {}}, "/request", "value_error.pictures"),
    ],
)
def test_a_body_that_does_not_fit(client: Client, body: dict[str, Any], pointer: str, code: str) -> None:
    found = problem(client.post(JOBS, body), 422, "invalid-request")
    assert [(error["pointer"], error["code"]) for error in found["errors"]] == [(pointer, code)]
    assert pointer in found["detail"]


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"sampler_name": "nope"}, 400, "unknown-sampler"),
        ({"script_name": "nope"}, 422, "unknown-script"),
        ({"prompt": None}, 422, "invalid-value"),
    ],
)
def test_a_request_that_cannot_be(client: Client, request_: Any, status: int, code: str) -> None:
    problem(client.post(JOBS, {"kind": "txt2img", "request": request_}), status, code)


def test_pictures_that_are_none(client: Client, fake: FakeApplication) -> None:
    wrong = {"prompt": "", "init_images": [PICTURE, "AAAA"]}
    found = problem(client.post(JOBS, {"kind": "img2img", "request": wrong}), 422, "invalid-image")
    assert "init_images[1]" in found["detail"]
    assert len(fake.dropped) == 1
    missing = client.post(JOBS, {"kind": "img2img", "request": {}})
    problem(missing, 404, "init-image-missing")
    other = {"kind": "interrogate", "request": {"image": PICTURE, "model": "x"}}
    problem(client.post(JOBS, other), 404, "unknown-model")


def test_a_kind_that_is_not_offered(client_with: Callable[..., Client], fake: FakeApplication) -> None:
    fake.kinds = frozenset((Kind.TXT2IMG,))
    client = client_with()
    wanted = [{"kind": kind, "request": ALL_KINDS[kind]} for kind in ("txt2img", "extras")]
    problem(client.post(f"{JOBS}/batch", {"jobs": wanted}), 501, "not-offered")
    problem(client.post(JOBS, wanted[1]), 501, "not-offered")
    assert fake.jobs() == []


def test_a_full_queue(client: Client, fake: FakeApplication) -> None:
    fake.full = True
    answer = client.post(JOBS, {"kind": "txt2img", "request": {}})
    assert problem(answer, 429, "queue-full")["queue_length"] == 3
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["X-Queue-Length"] == "3"


def test_a_server_that_drains(client: Client, fake: FakeApplication) -> None:
    fake.refusal = NotReady("it stops")
    answer = client.post(JOBS, {"kind": "txt2img", "request": {}})
    problem(answer, 503, "not-ready")
    assert int(answer.headers["Retry-After"]) > 0


def test_the_same_key_is_the_same_job(client: Client, fake: FakeApplication) -> None:
    key = {"Idempotency-Key": "k-1"}
    body = {"kind": "txt2img", "request": {"prompt": "a"}}
    first = client.post(JOBS, body, headers=key)
    fake.finish(JobId(first.json()["id"]))
    again = client.post(JOBS, body, headers=key)
    assert (again.status_code, again.json()["state"]) == (202, "succeeded")
    assert again.json()["id"] == first.json()["id"]
    assert [answer.headers.get("Idempotent-Replayed") for answer in (first, again)] == [None, "true"]
    other = client.post(JOBS, {"kind": "txt2img", "request": {"prompt": "b"}}, headers=key)
    problem(other, 422, "key-reused")
    assert len(fake.submitted) == 1


def test_a_key_that_is_none(client: Client) -> None:
    for key in ("", "x" * 256):
        answer = client.post(JOBS, {"kind": "txt2img", "request": {}}, headers={"Idempotency-Key": key})
        [error] = problem(answer, 422, "invalid-request")["errors"]
        assert error["pointer"] == "Idempotency-Key"


def test_a_webhook(client: Client, fake: FakeApplication) -> None:
    submitted(client, webhook="https://allowed.example/x")
    [job] = fake.jobs()
    assert job.delivery is not None
    refused = client.post(JOBS, {"kind": "txt2img", "request": {}, "webhook": "https://other.example"})
    problem(refused, 422, "invalid-value")


def test_a_batch(client: Client, fake: FakeApplication) -> None:
    jobs = [{"kind": "txt2img", "request": {"prompt": str(n)}} for n in range(3)]
    headers = {"Idempotency-Key": "b"}
    first = client.post(f"{JOBS}/batch", {"jobs": jobs}, headers=headers)
    assert first.status_code == 202
    assert [job["prompt"] for job in first.json()["jobs"]] == ["0", "1", "2"]
    again = client.post(f"{JOBS}/batch", {"jobs": jobs}, headers=headers)
    assert [job["id"] for job in again.json()["jobs"]] == [job["id"] for job in first.json()["jobs"]]
    assert len(fake.submitted) == 3


@pytest.mark.parametrize("bad", [{"sampler_name": "nope"}, {"prompt": None}])
def test_of_a_batch_with_a_wrong_job_nothing_is_left(
    client: Client, fake: FakeApplication, bad: dict[str, Any]
) -> None:
    good = {"kind": "img2img", "request": ALL_KINDS["img2img"]}
    jobs = [good, {"kind": "txt2img", "request": bad}, good]
    assert client.post(f"{JOBS}/batch", {"jobs": jobs}).status_code in (400, 422)
    assert fake.jobs() == []
    assert fake.dropped


def test_a_batch_of_none(client: Client) -> None:
    problem(client.post(f"{JOBS}/batch", {"jobs": []}), 422, "invalid-request")


def test_a_batch_withdraws_only_what_is_new(client: Client, fake: FakeApplication) -> None:
    headers = {"Idempotency-Key": "b"}
    one = {"kind": "txt2img", "request": {"prompt": "a"}}
    kept = client.post(f"{JOBS}/batch", {"jobs": [one]}, headers=headers).json()["jobs"][0]["id"]
    two = {"jobs": [one, {"kind": "txt2img", "request": {"sampler_name": "nope"}}]}
    problem(client.post(f"{JOBS}/batch", two, headers=headers), 400, "unknown-sampler")
    assert [job.id for job in fake.jobs()] == [kept]
    assert fake.interrupted == []


def test_a_finished_job(client: Client, fake: FakeApplication) -> None:
    fake.automatic = True
    job = submitted(client)
    found = client.get(job["url"]).json()
    assert (found["state"], found["progress"], found["error"]) == ("succeeded", None, None)
    assert found["result"]["timings"] == {"queue": 2.0, "prepare": 0.25, "execute": 1.5, "finalize": 0.125}
    assert found["result"]["info"] == {"seed": 7, "infotexts": ["a cat"], "odd": None}
    [image] = found["result"]["images"]
    assert (image["url"], image["seed"], image["infotext"]) == (f"{job['url']}/images/0", 7, "a cat")
    assert (found["seed"], found["subseed"], found["model"].partition(" ")[0]) == (
        7,
        8,
        "sub/demo.safetensors",
    )


@pytest.mark.parametrize(
    ("error", "status", "code", "told"),
    [
        (
            JobError("StorageError", "no space for '/secret/file'"),
            500,
            "storage-error",
            "a file of the server",
        ),
        (JobError("UnknownModel", "no such model"), 404, "unknown-model", "no such model"),
        (JobError("ZeroDivisionError", "/secret"), 500, "zero-division-error", "its log says why"),
    ],
)
def test_a_failed_job(
    client: Client, fake: FakeApplication, error: JobError, status: int, code: str, told: str
) -> None:
    fake.automatic, fake.failure = True, error
    found = client.get(submitted(client)["url"]).json()
    assert found["state"] == "failed"
    assert (found["error"]["status"], found["error"]["code"]) == (status, code)
    assert told in found["error"]["detail"]
    assert "/secret" not in str(found)


def test_progress_of_a_job_that_has_not_ended(client: Client, fake: FakeApplication) -> None:
    job = submitted(client)
    fake.begin(JobId(job["id"]))
    found = client.get(job["url"]).json()
    assert (found["state"], found["progress"]["state"], found["attempts"]) == ("running", "running", 1)


class OneStyle(NoResources):
    def styles(self) -> Sequence[Style]:
        return (Style("oil", "{prompt}, in oil", ""),)


def test_styles_are_taken_out_of_an_infotext(
    client_with: Callable[..., Client], fake: FakeApplication
) -> None:
    fake.resources = OneStyle()
    body = {"kind": "txt2img", "request": {"infotext": "a dog, in oil\nSteps: 9, Seed: 7, Size: 64x96"}}
    assert client_with().post(JOBS, body).status_code == 202
    assert (fake.submitted[0].prompt, tuple(fake.submitted[0].styles)) == ("a dog", ("oil",))


def test_a_listing_in_pages(client: Client, fake: FakeApplication) -> None:
    ids = [submitted(client)["id"] for _ in range(5)]
    first = client.get(f"{JOBS}?limit=3").json()
    assert [job["id"] for job in first["jobs"]] == ids[:1:-1]
    second = client.get(f"{JOBS}?limit=3&cursor={first['next']}").json()
    assert ([job["id"] for job in second["jobs"]], second["next"]) == (ids[1::-1], None)
    fake.finish(JobId(ids[0]))
    ended = client.get(f"{JOBS}?state=succeeded&state=failed").json()
    assert [job["id"] for job in ended["jobs"]] == [ids[0]]
    problem(client.get(f"{JOBS}?state=odd"), 422, "invalid-request")
    problem(client.get(f"{JOBS}?limit=0"), 422, "invalid-request")


@pytest.mark.parametrize("kind", ["txt2img", "img2img"])
def test_a_job_may_be_drawn_in_no_company(client: Client, fake: FakeApplication, kind: str) -> None:
    for more in ({}, {"deterministic": True}):
        assert client.post(JOBS, {"kind": kind, "request": ALL_KINDS[kind], **more}).status_code == 202
    assert [request.deterministic for request in fake.submitted] == [False, True]


def test_cancel_and_delete(client: Client, fake: FakeApplication) -> None:
    first, second = submitted(client), submitted(client)
    cancelled = client.post(f"{first['url']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert client.post(f"{first['url']}/cancel").json()["state"] == "cancelled"
    stopped = client.ask("DELETE", second["url"])
    assert (stopped.status_code, stopped.json()["state"]) == (202, "cancelled")
    forgotten = client.ask("DELETE", second["url"])
    assert (forgotten.status_code, forgotten.content) == (204, b"")
    problem(client.get(second["url"]), 410, "expired-job")
    assert len(fake.jobs()) == 1


def test_skip(client: Client, fake: FakeApplication) -> None:
    job = submitted(client)
    assert client.post(f"{job['url']}/skip").json()["state"] == "queued"
    assert fake.skipped == [job["id"]]


def test_retry(client: Client, fake: FakeApplication) -> None:
    job = submitted(client)
    problem(client.post(f"{job['url']}/retry"), 409, "job-conflict")
    fake.finish(JobId(job["id"]))
    answer = client.post(f"{job['url']}/retry")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert answer.headers["Location"] == answer.json()["url"] != job["url"]


def test_the_queue(client: Client, fake: FakeApplication) -> None:
    submitted(client)
    found = client.get("/api/v1/queue").json()
    assert (found["counts"], found["limit"], found["draining"]) == ({"queued": 1}, 3, False)
    assert found["outage"] is None
    fake.outage.begin("there is no worker")
    assert client.get("/api/v1/queue").json()["outage"] == "there is no worker"
    kept = fake.application().settings.jobs
    assert found["retention"] == {"count": None, "hours": kept.keep_hours, "megabytes": kept.keep_mb}


def test_urls_below_a_subpath(client_with: Callable[..., Client], fake: FakeApplication) -> None:
    client = client_with(http={"subpath": "/serena"})
    answer = client.post(f"/serena{JOBS}", {"kind": "txt2img", "request": {}})
    assert answer.headers["Location"].startswith(f"/serena{JOBS}/")
    problem(client.get(f"/serena{JOBS}/nope"), 404, "unknown-job")


def test_a_batch_that_the_queue_has_no_room_for(client: Client, fake: FakeApplication) -> None:
    """The first had room; it is withdrawn, although it may have run already."""
    fake.room = 1
    jobs = [{"kind": "img2img", "request": ALL_KINDS["img2img"]} for _ in range(3)]
    problem(client.post(f"{JOBS}/batch", {"jobs": jobs}), 429, "queue-full")
    assert fake.jobs() == []
    assert len(fake.dropped) == 1


def test_a_key_refused_by_the_core(client: Client, fake: FakeApplication) -> None:
    fake.refusal = KeyReused("k")
    problem(client.post(JOBS, {"kind": "txt2img", "request": {}}), 422, "key-reused")
