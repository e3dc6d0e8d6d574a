"""The eighteen rules that 23 real clients rely on (demand A.3), each against the whole of Serena."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.application import Application
from adapters.http.app import create_app
from core.domain.job import JobState
from tests.integration.http.replay import PLAIN
from tests.unit.adapters.http.conftest import Client

TXT2IMG, IMG2IMG, OPTIONS = "/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/options"
# fmt: off
INFO = [
    "prompt", "all_prompts", "negative_prompt", "all_negative_prompts", "seed", "all_seeds", "subseed",
    "all_subseeds", "subseed_strength", "width", "height", "sampler_name", "cfg_scale", "steps",
    "batch_size", "restore_faces", "face_restoration_model", "sd_model_name", "sd_model_hash",
    "sd_vae_name", "sd_vae_hash", "seed_resize_from_w", "seed_resize_from_h", "denoising_strength",
    "extra_generation_params", "index_of_first_image", "infotexts", "styles", "job_timestamp",
    "clip_skip", "is_using_inpainting_conditioning", "version",
]
# fmt: on


def recorded(name: str) -> Any:
    return json.loads(Path(f"contracts/api/recorded/{name}.json").read_text())


def draw(client: Client, **fields: Any) -> httpx.Response:
    answer = client.post(TXT2IMG, {**PLAIN, **fields})
    assert answer.status_code == 200, answer.text
    return answer


def test_rule_01_no_extra_keys(real_client: Client) -> None:
    answer = draw(real_client)
    assert list(answer.json()) == ["images", "parameters", "info"]
    assert {"x-job-id", "x-queue-position", "x-execute-time"} <= set(answer.headers)
    assert list(real_client.get("/sdapi/v1/sd-models").json()[0]) == list(recorded("sd-models")[0])
    assert next(iter(draw(real_client).json()["parameters"])) == "prompt"
    error = real_client.post(TXT2IMG, {"sampler_name": "x"}).json()
    assert list(error) == ["error", "detail", "body", "errors"]
    assert all(isinstance(value, str) for value in error.values())


def test_rule_02_info_is_a_json_text_with_every_key_in_order(real_client: Client) -> None:
    info = draw(real_client).json()["info"]
    assert isinstance(info, str)
    assert list(json.loads(info)) == INFO


def test_rule_03_integers_stay_integers_and_unset_stays_null(real_client: Client) -> None:
    answer = draw(real_client).json()
    assert repr(answer["parameters"]["subseed_strength"]) == "0"
    assert repr(json.loads(answer["info"])["subseed_strength"]) == "0"
    assert answer["parameters"]["eta"] is None


def test_rule_04_unknown_fields_are_not_echoed(real_client: Client) -> None:
    answer = draw(real_client, auth="user:hunter2", url="http://x")
    assert "hunter2" not in answer.text
    assert not {"auth", "url"} & answer.json()["parameters"].keys()


def test_rule_05_pictures_are_plain_base64_and_come_in_either_form(real_client: Client) -> None:
    picture = draw(real_client).json()["images"][0]
    assert base64.b64decode(picture, validate=True).startswith(b"\x89PNG")
    for image in (picture, "data:image/png;base64," + picture):
        answer = real_client.post(IMG2IMG, {**PLAIN, "init_images": [image]})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (OPTIONS, None),
        ("/sdapi/v1/interrupt", {}),
        ("/sdapi/v1/skip", None),
        ("/sdapi/v1/refresh-checkpoints", None),
    ],
)
def test_rule_06_200_with_a_json_body_never_204(real_client: Client, path: str, body: object) -> None:
    answer = real_client.post(path, {})
    assert (answer.status_code, answer.json()) == (200, body)


def test_rule_07_options_go_round(real_client: Client) -> None:
    options = real_client.get(OPTIONS).json()
    assert set(recorded("options")) <= set(options)
    assert "forge_preset" not in options
    assert options["sd_model_checkpoint"] == real_client.get("/sdapi/v1/sd-models").json()[0]["title"]
    assert options["samples_format"] == "png"
    assert real_client.post(OPTIONS, options).status_code == 200
    assert real_client.get(OPTIONS).json() == options


@pytest.mark.parametrize("key", ["title", "model_name", "hash", "sha256", "bare"])
def test_rule_08_a_model_is_named_in_any_way(real_client: Client, key: str) -> None:
    model = real_client.get("/sdapi/v1/sd-models").json()[0]
    name = model["title"].partition(" [")[0] if key == "bare" else model[key]
    draw(real_client, override_settings={"sd_model_checkpoint": name})
    assert real_client.post(OPTIONS, {"sd_model_checkpoint": name}).status_code == 200


def test_rule_08_an_unknown_model_is_refused(real_client: Client) -> None:
    body = {**PLAIN, "override_settings": {"sd_model_checkpoint": "nope"}}
    assert real_client.post(TXT2IMG, body).status_code == 404
    assert real_client.post(OPTIONS, {"sd_model_checkpoint": "nope"}).status_code == 404


@pytest.mark.parametrize("value", [None, "", "Basic ", "Basic Og==", "Bearer x"])
def test_rule_09_any_authorization_where_none_is_needed(real_client: Client, value: str | None) -> None:
    headers = {} if value is None else {"Authorization": value}
    assert real_client.get(OPTIONS, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("sampler", "scheduler", "drawn"),
    [
        ("k_euler_a", None, "Euler a"),
        ("DPM++ 2M Karras", None, "DPM++ 2M"),
        ("Euler", "automatic", "Euler"),
        ("euler", "KARRAS", "Euler"),
    ],
)
def test_rule_10_old_names_of_samplers(real_client: Client, sampler: str, scheduler: str, drawn: str) -> None:
    answer = draw(real_client, sampler_name=sampler, scheduler=scheduler)
    assert json.loads(answer.json()["info"])["sampler_name"] == drawn


def test_rule_10_an_unknown_sampler(real_client: Client) -> None:
    answer = real_client.post(TXT2IMG, {**PLAIN, "sampler_name": "Nope"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Sampler not found")


def test_rule_11_two_shapes_of_errors(real_client: Client) -> None:
    assert list(real_client.post(TXT2IMG, {"width": 0}).json()) == ["error", "detail", "body", "errors"]
    found = real_client.post(TXT2IMG, {"width": "abc"}).json()["detail"][0]
    assert list(found) == ["loc", "msg", "type"]


def test_rule_12_hashes_are_there_and_folders_are_not_shown(real_client: Client) -> None:
    for model in real_client.get("/sdapi/v1/sd-models").json():
        assert len(model["hash"]) == 10
        assert len(model["sha256"]) == 64
        assert model["filename"]
        assert not model["filename"].startswith("/")


def test_rule_13_progress(real_client: Client) -> None:
    body = real_client.get("/sdapi/v1/progress").json()
    assert list(body) == list(recorded("progress"))
    assert list(body["state"]) == list(recorded("progress")["state"])
    assert (body["progress"], body["state"]["job_count"], body["state"]["job"]) == (0.0, 0, "")
    assert body["current_image"] is None


@pytest.mark.parametrize("args", [[], [{"enabled": False}], [False]])
def test_rule_14_an_absent_extension_that_is_switched_off(real_client: Client, args: list[Any]) -> None:
    draw(real_client, alwayson_scripts={"ControlNet": {"args": args}, "ADetailer": {"args": args}})


def test_rule_14_an_absent_extension_that_is_switched_on(real_client: Client) -> None:
    scripts = {"controlnet": {"args": [{"enabled": True, "image": "x"}]}}
    answer = real_client.post(TXT2IMG, {**PLAIN, "alwayson_scripts": scripts})
    assert (answer.status_code, answer.json()["detail"]) == (422, "Script 'controlnet' not found")


def test_rule_15_cors_is_opt_in(real: Application, real_client: Client) -> None:
    headers = {"Origin": "http://page.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in real_client.ask("OPTIONS", TXT2IMG, headers=headers).headers


def test_rule_16_a_task_of_a_chosen_id(real_client: Client) -> None:
    answer = draw(real_client, force_task_id="my-task")
    assert answer.headers["X-Job-Id"] == "my-task"
    assert real_client.post("/internal/progress", {"id_task": "my-task"}).json()["completed"] is True
    assert real_client.get("/internal/pending-tasks").json() == {"size": 0, "tasks": []}


def test_rule_17_numbers_in_other_types(real_client: Client) -> None:
    fields = {
        "enable_hr": 1,
        "hr_second_pass_steps": 1.5,
        "denoising_strength": "0.5",
        "steps": "2",
        "tiling": 0,
    }
    parameters = draw(real_client, **fields, override_settings={"CLIP_stop_at_last_layers": 1.0}).json()[
        "parameters"
    ]
    assert (parameters["hr_second_pass_steps"], parameters["steps"], parameters["enable_hr"]) == (1, 2, True)
    assert real_client.post(OPTIONS, {"CLIP_stop_at_last_layers": 1.0}).status_code == 200


def test_rule_18_interrupt_stops_the_running_job(real: Application) -> None:
    """With its pictures so far, and without touching the next."""

    async def play() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(create_app(real))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
            long = {
                **PLAIN,
                "steps": 1000,
                "width": 1024,
                "height": 1024,
                "n_iter": 8,
                "force_task_id": "long",
            }
            first = asyncio.create_task(client.post(TXT2IMG, json=long))
            while not any(job.id == "long" and job.state is JobState.RUNNING for job in real.jobs.jobs()):
                await asyncio.sleep(0.002)
            assert (await client.post("/sdapi/v1/interrupt", content=b"")).json() == {}
            return await first, await client.post(TXT2IMG, json=PLAIN)

    first, second = asyncio.run(play())
    assert (first.status_code, second.status_code) == (200, 200)
    assert len(first.json()["images"]) < 8
    assert len(second.json()["images"]) == 1
