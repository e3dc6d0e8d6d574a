"""``/v1/images/generations`` and ``/v1/models``, without a socket."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from core.domain.errors import NotReady, StorageError
from core.domain.job import JobError
from core.domain.request import Kind
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import MODEL, PNG, FakeApplication

ROUTE = "/v1/images/generations"


def error_of(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    found: dict[str, Any] = body["error"]
    return found


def test_a_picture_comes_as_base64(client: Client, fake: FakeApplication) -> None:
    answer = client.post(ROUTE, {"prompt": "a cat"})
    body = answer.json()
    assert (answer.status_code, answer.headers["X-Job-Id"]) == (200, "job-0")
    assert base64.b64decode(body["data"][0]["b64_json"]) == PNG
    assert {**body, "data": []} == {
        "created": 1767323050,
        "data": [],
        "background": "opaque",
        "output_format": "png",
        "quality": "medium",
        "size": "8x8",
    }
    request = fake.submitted[0]
    assert (request.kind, request.prompt, request.width, request.steps) == (Kind.TXT2IMG, "a cat", 512, 24)
    assert request.override_settings["return_grid"] is False


def test_every_field_reaches_the_job(client: Client, fake: FakeApplication) -> None:
    sent = {
        "prompt": "a cat", "n": 2, "size": "64x128", "output_format": "webp", "output_compression": 0,
        "quality": "high", "background": "opaque", "style": "vivid", "moderation": "low", "user": "u-1",
        "negative_prompt": "dogs", "seed": 5, "cfg_scale": 3, "sampler_name": "DDIM", "scheduler": "karras",
        "model": "demo", "unknown": 1, "stream": None,
    }  # fmt: skip
    answer = client.post(ROUTE, sent)
    assert (answer.status_code, len(answer.json()["data"]), answer.json()["quality"]) == (200, 2, "high")
    request = fake.submitted[0]
    assert (request.n_iter, request.width, request.height, request.steps) == (2, 64, 128, 40)
    assert (request.negative_prompt, request.seed, request.cfg_scale) == ("dogs", 5, 3)
    assert (request.sampler_name, request.scheduler) == ("DDIM", "karras")
    assert dict(request.override_settings) == {
        "samples_format": "webp", "return_grid": False, "return_mask": False, "return_mask_composite": False,
        "jpeg_quality": 1, "sd_model_checkpoint": MODEL.identity.title,
    }  # fmt: skip


def test_steps_that_are_named_win_over_the_quality(client: Client, fake: FakeApplication) -> None:
    client.post(ROUTE, {"prompt": "", "quality": "max", "steps": 3, "size": "auto"})
    assert (fake.submitted[0].steps, fake.submitted[0].width) == (3, 512)


@pytest.mark.parametrize("name", ["dall-e-3", "gpt-image-1", "chatgpt-image-latest", "", None])
def test_names_of_other_peoples_models_mean_the_one_in_force(
    client: Client, fake: FakeApplication, name: str | None
) -> None:
    assert client.post(ROUTE, {"prompt": "a", "model": name}).status_code == 200
    assert "sd_model_checkpoint" not in fake.submitted[0].override_settings


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"prompt": None}, 400, "prompt", "invalid_value"),
        ({"n": 0}, 400, "n", "invalid_value"),
        ({"n": "many"}, 400, "n", "invalid_value"),
        ({"size": "big"}, 400, "size", "invalid_value"),
        ({"size": "0x8"}, 400, "size", "invalid_value"),
        ({"output_format": "svg"}, 400, "output_format", "invalid_value"),
        ({"background": "transparent"}, 400, "background", "invalid_value"),
        ({"partial_images": 4}, 400, "partial_images", "invalid_value"),
        ({"model": "nobody's"}, 404, "model", "model_not_found"),
        ({"sampler_name": "none"}, 400, "sampler_name", "invalid_value"),
    ],
)
def test_what_is_wrong_is_named(
    client: Client, change: dict[str, Any], status: int, param: str, code: str
) -> None:
    answer = client.post(ROUTE, {"prompt": "a cat", **change})
    error = error_of(answer)
    assert (answer.status_code, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == "invalid_request_error"
    assert answer.headers["x-should-retry"] == "false"


def test_a_missing_prompt_is_told_as_their_server_tells_it(client: Client) -> None:
    error = error_of(client.post(ROUTE, {"n": 1}))
    assert (error["message"], error["param"]) == ("Missing required parameter: 'prompt'.", "prompt")
    assert error["code"] == "missing_required_parameter"


def test_a_body_that_is_no_json_is_told(client: Client) -> None:
    answer = client.post(ROUTE, content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert error_of(answer)["message"].startswith("the body is no JSON")
    nothing = client.post(ROUTE, content=b"", headers={"Content-Type": "application/json"})
    assert error_of(nothing)["message"] == "Missing required parameter: the body."


def test_a_full_queue_is_a_rate_limit(client: Client, fake: FakeApplication) -> None:
    fake.full = True
    answer = client.post(ROUTE, {"prompt": "a"})
    error = error_of(answer)
    assert (answer.status_code, error["type"], error["code"]) == (
        429, "rate_limit_error", "rate_limit_exceeded",
    )  # fmt: skip
    assert int(answer.headers["Retry-After"]) > 0
    assert "x-should-retry" not in answer.headers


def test_a_server_that_stops_may_be_asked_again(client: Client, fake: FakeApplication) -> None:
    fake.refusal = NotReady("Serena is stopping; it takes no more jobs")
    answer = client.post(ROUTE, {"prompt": "a"})
    assert (answer.status_code, error_of(answer)["type"]) == (503, "server_error")
    assert "Retry-After" in answer.headers


def test_a_disk_that_is_full_is_a_sentence_without_the_path(client: Client, fake: FakeApplication) -> None:
    fake.refusal = StorageError("cannot write '/secret/jobs.sqlite': no space left")
    answer = client.post(ROUTE, {"prompt": "a"})
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("kind", "status"), [("BackendError", 500), ("InvalidValue", 400), ("UnknownModel", 404), ("odd", 500)]
)
def test_a_job_that_failed_is_not_asked_for_again(
    client: Client, fake: FakeApplication, kind: str, status: int
) -> None:
    fake.failure = JobError(kind, "it went wrong")
    answer = client.post(ROUTE, {"prompt": "a"})
    assert (answer.status_code, answer.headers["x-should-retry"]) == (status, "false")
    assert error_of(answer)["message"] == "it went wrong"


def test_a_key_leads_back_to_its_job(client: Client, fake: FakeApplication) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = client.post(ROUTE, {"prompt": "a"}, headers=key)
    again = client.post(ROUTE, {"prompt": "a"}, headers=key)
    assert first.headers["X-Job-Id"] == again.headers["X-Job-Id"]
    assert len(fake.submitted) == 1
    assert fake.jobs()[0].detached
    other = client.post(ROUTE, {"prompt": "b"}, headers=key)
    assert (other.status_code, error_of(other)["message"][:19]) == (422, "the idempotency key")


def test_a_picture_by_its_url(client: Client) -> None:
    body = client.post(ROUTE, {"prompt": "a", "n": 2, "response_format": "url"}).json()
    urls = [item["url"] for item in body["data"]]
    assert urls == [f"http://localhost/v1/images/files/job-0/{n}" for n in range(2)]
    picture = client.get(urls[1].removeprefix("http://localhost"))
    assert (picture.content, picture.headers["Content-Type"]) == (PNG, "image/png")
    assert picture.headers["Cache-Control"] == "private, no-cache"
    had = {"If-None-Match": picture.headers["ETag"]}
    again = client.get(urls[1].removeprefix("http://localhost"), headers=had)
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("where", ["job-0/2", "job-0/-1", "other/0"])
def test_a_picture_that_there_is_not(client: Client, where: str) -> None:
    client.post(ROUTE, {"prompt": "a"})
    answer = client.get(f"/v1/images/files/{where}")
    assert (answer.status_code, error_of(answer)["type"]) == (404, "invalid_request_error")


def test_a_picture_of_a_job_that_has_not_ended(client: Client, fake: FakeApplication) -> None:
    fake.automatic = False
    assert client.get("/v1/images/files/job-0/0").status_code == 404


def test_pictures_are_their_owners(client_with: Callable[..., Client]) -> None:
    client = client_with(http={"users": ["anna:a", "bert:b"]})
    body = client.post(ROUTE, {"prompt": "a", "response_format": "url"}, auth=("anna", "a")).json()
    path = body["data"][0]["url"].removeprefix("http://localhost")
    assert client.get(path, auth=("anna", "a")).status_code == 200
    assert client.get(path, auth=("bert", "b")).status_code == 404
    assert client.get(path).status_code == 401


def test_the_models_are_the_checkpoints(client: Client) -> None:
    item = {"id": "sub_demo", "object": "model", "created": 0, "owned_by": "serena"}
    assert client.get("/v1/models").json() == {"object": "list", "data": [item]}
    assert client.get("/v1/models/sub/demo.safetensors").json() == item
    missing = client.get("/v1/models/gone")
    assert (missing.status_code, error_of(missing)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/chat/completions", {}, 404),
        ("GET", ROUTE, {}, 405),
        ("POST", ROUTE, {"Content-Type": "text/plain"}, 415),
        ("POST", ROUTE, {"Origin": "http://evil.example"}, 403),
        ("POST", ROUTE, {"Host": "evil.example"}, 421),
        ("POST", ROUTE, {"Content-Length": str(10**12), "Content-Type": "application/json"}, 413),
    ],
)
def test_refusals_of_the_layers_have_the_same_shape(
    client: Client, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.ask(method, path, content=b"{}", headers=headers)
    assert answer.status_code == status
    assert error_of(answer)["message"]


def test_a_wrong_key_is_told_as_their_server_tells_it(client_with: Callable[..., Client]) -> None:
    client = client_with(http={"api_keys": ["sk-right"]}, jobs={"max_queued": 1})
    answer = client.post(ROUTE, {"prompt": "a"}, headers={"Authorization": "Bearer sk-wrong"})
    error = error_of(answer)
    assert (answer.status_code, error["type"], error["code"]) == (
        401, "authentication_error", "invalid_api_key",
    )  # fmt: skip
    assert "sk-wrong" not in answer.text


def test_other_paths_keep_their_shape(client: Client) -> None:
    assert client.get("/nowhere").json() == {"detail": "Not Found"}
    assert list(client.post("/sdapi/v1/txt2img", {"sampler_name": "no"}).json()) == [
        "error", "detail", "body", "errors",
    ]  # fmt: skip
