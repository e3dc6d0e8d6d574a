from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.domain.errors import InvalidRequest
from core.domain.job import JobState
from core.domain.progress import Progress
from core.sampling.registry import SAMPLERS
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import NOW, PNG, FakeApplication, running

RECORDED = Path("contracts/api/recorded")


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ["samplers", "schedulers"])
def test_the_lists_are_those_of_the_reference(client: Client, name: str) -> None:
    assert client.get(f"/sdapi/v1/{name}").json() == recorded(name)


def test_models_have_hashes_and_give_no_folder_away(client: Client) -> None:
    answer = client.get("/sdapi/v1/sd-models")
    assert answer.json() == [
        {
            "title": "sub/demo.safetensors [ababababab]",
            "model_name": "sub_demo",
            "hash": "ababababab",
            "sha256": "ab" * 32,
            "filename": "sub/demo.safetensors",
            "config": None,
        }
    ]
    assert list(answer.json()[0]) == list(recorded("sd-models")[0])


def test_refresh_looks_again(client: Client, fake: FakeApplication) -> None:
    assert client.post("/sdapi/v1/refresh-checkpoints").json() is None
    assert fake.refreshed == 1


def test_options_are_those_of_the_reference(client: Client) -> None:
    wanted, options = recorded("options"), client.get("/sdapi/v1/options").json()
    assert list(options)[: len(wanted)] == list(wanted)


def test_options_are_changed_together(client: Client, fake: FakeApplication) -> None:
    changes = {"CLIP_stop_at_last_layers": 2.0, "samples_format": "webp", "gone": None}
    answer = client.post("/sdapi/v1/options", changes)
    assert (answer.status_code, answer.json()) == (200, None)
    assert fake.changed == {"CLIP_stop_at_last_layers": 2, "samples_format": "webp"}


def test_the_whole_body_of_get_changes_nothing(client: Client) -> None:
    before = client.get("/sdapi/v1/options").json()
    assert client.post("/sdapi/v1/options", before).status_code == 200
    assert client.get("/sdapi/v1/options").json() == before


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"frobnicate": 1}, 422, "UnknownOption"),
        ({"CLIP_stop_at_last_layers": "abc"}, 422, "InvalidValue"),
        ({"sd_model_checkpoint": "nope"}, 404, "UnknownModel"),
    ],
)
def test_a_wrong_option_changes_nothing(
    client: Client, fake: FakeApplication, changes: dict[str, object], status: int, kind: str
) -> None:
    answer = client.post("/sdapi/v1/options", {"samples_format": "webp", **changes})
    assert (answer.status_code, answer.json()["error"]) == (status, kind)
    assert list(answer.json()) == ["error", "detail", "body", "errors"]
    assert fake.changed == {}


def test_options_take_an_object_only(client: Client) -> None:
    answer = client.post("/sdapi/v1/options", [])
    assert answer.json()["detail"][0]["type"] == "type_error.dict"


def test_progress_before_any_job(client: Client) -> None:
    assert client.get("/sdapi/v1/progress").json() == recorded("progress")


def test_progress_of_a_running_job(client: Client, fake: FakeApplication) -> None:
    fake.snapshot = running(iteration=1, iterations=2, step=5, steps=10, started_at=NOW, preview=PNG)
    body = client.get("/sdapi/v1/progress").json()
    assert list(body) == list(recorded("progress"))
    assert list(body["state"]) == list(recorded("progress")["state"])
    assert body["progress"] == pytest.approx(0.01 + 0.5 + 0.25)
    assert body["eta_relative"] > 0
    assert body["current_image"] == base64.b64encode(PNG).decode()
    assert (body["state"]["job"], body["state"]["job_count"], body["state"]["job_no"]) == (
        "scripts_txt2img",
        2,
        1,
    )
    assert len(body["state"]["job_timestamp"]) == 14


def test_progress_without_the_picture(client: Client, fake: FakeApplication) -> None:
    fake.snapshot = running(preview=PNG)
    body = client.get("/sdapi/v1/progress?skip_current_image=true").json()
    assert (body["current_image"], fake.previews) == (None, [False])


def test_progress_of_a_job_that_has_only_begun(client: Client, fake: FakeApplication) -> None:
    fake.snapshot = running(iterations=-1, label="Batch 1 out of 2")
    body = client.get("/sdapi/v1/progress").json()
    assert (body["progress"], body["eta_relative"]) == (0.01, 0.0)
    assert (body["state"]["job"], body["state"]["job_count"]) == ("Batch 1 out of 2", -1)


def test_progress_never_exceeds_one(client: Client, fake: FakeApplication) -> None:
    fake.snapshot = running(iteration=0, iterations=1, step=10, steps=10, started_at=NOW - timedelta(days=1))
    assert client.get("/sdapi/v1/progress").json()["progress"] == 1.0


def test_progress_after_a_job(client: Client, fake: FakeApplication) -> None:
    fake.snapshot = Progress(
        state=JobState.SUCCEEDED,
        kind="txt2img",
        iterations=1,
        step=20,
        steps=20,
        started_at=NOW,
        fraction=1.0,
    )
    body = client.get("/sdapi/v1/progress").json()
    assert (body["progress"], body["eta_relative"]) == (0.0, 0.0)
    state = body["state"]
    assert (state["job"], state["job_count"], state["job_no"], state["sampling_steps"]) == ("", 0, 1, 20)


def test_interrupt_and_skip(client: Client, fake: FakeApplication) -> None:
    assert client.post("/sdapi/v1/interrupt").json() == {}
    assert client.post("/sdapi/v1/skip").json() is None
    assert client.post("/sdapi/v1/interrupt", content=b"").json() == {}
    assert (fake.interrupted, fake.skipped) == ([None, None], [None])


def test_png_info(client: Client, fake: FakeApplication) -> None:
    fake.info = "a cat\nSteps: 20, Sampler: Euler, Seed: 1, Size: 512x512"
    body = client.post("/sdapi/v1/png-info", {"image": " " + base64.b64encode(PNG).decode()}).json()
    assert list(body) == ["info", "items", "parameters"]
    assert body["info"] == fake.info
    assert body["items"] == {"Software": "test"}
    assert (body["parameters"]["Prompt"], body["parameters"]["Size-1"]) == ("a cat", "512")


@pytest.mark.parametrize("image", ["", "zzzz"])
def test_png_info_of_no_picture(client: Client, image: str) -> None:
    answer = client.post("/sdapi/v1/png-info", {"image": image})
    assert (answer.status_code, answer.json()["detail"]) == (422, "Invalid encoded image")


def test_health(client: Client, fake: FakeApplication) -> None:
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").json() == {"ready": True, "reason": "ready"}
    fake.ready_answer = (False, "the model loads")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "reason": "the model loads"})
    assert answer.headers["Retry-After"]


def test_an_unknown_path_and_a_wrong_method_are_starlettes(client: Client) -> None:
    assert (client.get("/nope").status_code, client.get("/nope").json()) == (404, {"detail": "Not Found"})
    answer = client.get("/sdapi/v1/txt2img")
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})


def test_large_answers_are_compressed(client: Client) -> None:
    answer = client.get("/sdapi/v1/options", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get("/health/live", headers={"Accept-Encoding": "gzip"}).headers


def test_every_sampler_has_the_references_keys(client: Client) -> None:
    for item in client.get("/sdapi/v1/samplers").json():
        assert list(item) == ["name", "aliases", "options"]
    assert len(SAMPLERS) == len(recorded("samplers"))


def test_other_invalid_requests_are_422(client: Client, fake: FakeApplication) -> None:
    fake.refusal = InvalidRequest("this is wrong")
    answer = client.post("/sdapi/v1/txt2img")
    assert (answer.status_code, answer.json()["detail"]) == (422, "this is wrong")
