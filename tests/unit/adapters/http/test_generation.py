from __future__ import annotations

import asyncio
import base64
import json

import httpx
import pytest

from adapters.http.app import create_app
from core.domain.job import JobError
from core.domain.request import HiresParams, Kind, MaskedContent, ResizeMode
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import PNG, FakeApplication

TXT2IMG = "/sdapi/v1/txt2img"
IMG2IMG = "/sdapi/v1/img2img"
PICTURE = base64.b64encode(PNG).decode()


def test_the_answer_has_the_three_keys_and_ids_and_timings_in_headers(client: Client) -> None:
    answer = client.post(TXT2IMG, {"prompt": "a cat", "n_iter": 2})
    assert answer.status_code == 200
    assert list(answer.json()) == ["images", "parameters", "info"]
    assert answer.json()["images"] == [PICTURE, PICTURE]
    assert json.loads(answer.json()["info"]) == {"seed": 7, "infotexts": ["a cat"], "odd": None}
    assert answer.headers["X-Job-Id"].startswith("task(txt2img-")
    assert len(answer.headers["X-Job-Id"]) == len("task(txt2img-XXXXXXX)")
    assert answer.headers["X-Queue-Time"] == "2.0000"
    assert answer.headers["X-Execute-Time"] == "1.5000"
    assert "." in answer.headers["X-Process-Time"]


def test_parameters_echo_what_was_asked_and_nothing_unknown(client: Client) -> None:
    body = {"prompt": "x", "steps": "7", "cfg_scale": 5, "bogus": 1, "url": "http://u:p@h"}
    parameters = client.post(TXT2IMG, body).json()["parameters"]
    assert parameters["steps"] == 7
    assert parameters["sampler_name"] is None
    assert parameters["sampler_index"] == "Euler"
    assert parameters["seed"] == -1
    assert repr(parameters["subseed_strength"]) == "0"
    assert repr(parameters["cfg_scale"]) == "5.0"
    assert not {"bogus", "url"} & parameters.keys()


def test_a_request_arrives_at_the_core(client: Client, fake: FakeApplication) -> None:
    client.post(
        TXT2IMG, {"prompt": "a", "sampler_name": "DPM++ 2M Karras", "seed": None, "styles": ["s", None]}
    )
    request = fake.submitted[0]
    assert (request.kind, request.prompt, request.sampler_name) == (Kind.TXT2IMG, "a", "DPM++ 2M Karras")
    assert (request.seed, request.styles, request.hires) == (-1, ("s",), None)


def test_hires_fields_arrive_at_the_core(client: Client, fake: FakeApplication) -> None:
    body = {
        "enable_hr": True, "hr_second_pass_steps": 12.5, "denoising_strength": 0.5,
        "hr_sampler_name": "Use same sampler", "hr_checkpoint_name": "Use same checkpoint",
    }  # fmt: skip
    client.post(TXT2IMG, body)
    assert fake.submitted[0].hires == HiresParams(second_pass_steps=12)


def test_img2img_puts_its_pictures_and_does_not_send_them_back(client: Client, fake: FakeApplication) -> None:
    body = {
        "init_images": [PICTURE, "data:image/png;base64," + PICTURE], "mask": PICTURE, "mask_blur": 9,
        "resize_mode": 1, "inpainting_fill": 3, "inpainting_mask_invert": True,
    }  # fmt: skip
    parameters = client.post(IMG2IMG, body).json()["parameters"]
    assert (parameters["init_images"], parameters["mask"]) == (None, None)
    assert parameters["inpainting_mask_invert"] == 1
    init = fake.submitted[0].init
    assert init is not None
    assert init.images == (init.mask, init.mask)
    assert (init.mask_blur_x, init.mask_blur_y, init.mask_invert) == (9, 9, True)
    assert (init.resize_mode, init.masked_content) == (ResizeMode.CROP, MaskedContent.LATENT_NOTHING)


def test_img2img_sends_its_pictures_back_when_asked(client: Client) -> None:
    body = {"init_images": [PICTURE], "include_init_images": True}
    assert client.post(IMG2IMG, body).json()["parameters"]["init_images"] == [PICTURE]


def test_send_images_false_sends_none(client: Client) -> None:
    assert client.post(TXT2IMG, {"send_images": False}).json()["images"] == []


def test_a_chosen_task_id_is_the_jobs_id(client: Client) -> None:
    assert client.post(TXT2IMG, {"force_task_id": "mine?ü"}).headers["X-Job-Id"] == "mine%3F%C3%BC"
    assert client.get("/api/v1/jobs/mine%3F%C3%BC").json()["id"] == "mine?ü"
    assert client.post(TXT2IMG, {"force_task_id": "mine?ü"}).status_code == 409


@pytest.mark.parametrize("name", ["x" * 201, "a/b", "a\nb", "a\x00", ".", ".."])
def test_an_id_that_no_url_leads_to_is_refused(client: Client, name: str) -> None:
    answer = client.post(TXT2IMG, {"force_task_id": name})
    assert answer.status_code == 422
    assert "force_task_id" in answer.text


def test_a_place_in_the_queue_is_told_while_few_wait(client: Client, fake: FakeApplication) -> None:
    assert client.post(TXT2IMG).headers["X-Queue-Position"] == "0"
    fake.waiting_elsewhere = 1001
    assert "X-Queue-Position" not in client.post(TXT2IMG).headers


@pytest.mark.parametrize("picture", ["!!notbase64!!", "aGVsbG8=", "", 5, None])
def test_a_bad_picture_is_refused_in_the_references_words(client: Client, picture: object) -> None:
    answer = client.post(IMG2IMG, {"init_images": [picture]})
    assert answer.status_code == 422
    assert answer.json()["error"] == "HTTPException"
    assert answer.json()["detail"] == "Invalid encoded image"
    assert "init_images[0]" in answer.json()["errors"]


@pytest.mark.parametrize("images", [{}, {"init_images": None}, {"init_images": []}])
def test_img2img_needs_a_picture(client: Client, images: dict[str, object]) -> None:
    answer = client.post(IMG2IMG, images)
    body = {"error": "HTTPException", "detail": "Init image not found", "body": "", "errors": ""}
    assert (answer.status_code, answer.json()) == (404, body)


@pytest.mark.parametrize("name", ["prompt", "steps", "width", "height", "batch_size", "n_iter", "cfg_scale"])
def test_null_where_a_value_is_needed_is_named(client: Client, name: str) -> None:
    answer = client.post(TXT2IMG, {name: None})
    assert (answer.status_code, answer.json()["error"]) == (422, "InvalidValue")
    assert answer.json()["detail"].startswith(f"{name} is None; it must be ")


@pytest.mark.parametrize("field", ["resize_mode", "inpainting_fill"])
def test_a_mode_that_does_not_exist_is_named_with_those_that_do(client: Client, field: str) -> None:
    answer = client.post(IMG2IMG, {"init_images": [PICTURE], field: 9})
    assert answer.status_code == 422
    assert "it must be one of 0 (" in answer.json()["detail"]


def test_unknown_sampler_and_scheduler(client: Client) -> None:
    answer = client.post(TXT2IMG, {"sampler_name": "Nope"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Sampler not found")
    answer = client.post(TXT2IMG, {"scheduler": "Nope"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "Scheduler not found")


def test_a_full_queue_says_when_to_come_back(client: Client, fake: FakeApplication) -> None:
    fake.full = True
    answer = client.post(TXT2IMG)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (JobError("BackendError", "out of memory"), 500, "out of memory"),
        (JobError("InvalidValue", "width is 3"), 422, "width is 3"),
        (JobError("UnknownModel", "model 'x' not found"), 404, "model 'x' not found"),
        (JobError("RuntimeError", "in /home/me"), 500, "its log says why"),
    ],
)
def test_a_failed_job_is_an_error_body(
    client: Client, fake: FakeApplication, error: JobError, status: int, shown: str
) -> None:
    fake.failure = error
    answer = client.post(TXT2IMG)
    assert (answer.status_code, answer.json()["error"]) == (status, error.kind)
    assert shown in answer.json()["errors"]
    assert "/home/me" not in answer.text
    assert answer.headers["X-Job-Id"]


def test_a_job_cancelled_before_it_drew_is_a_conflict(fake: FakeApplication) -> None:
    fake.automatic = False

    async def cancel_while_it_waits() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(fake.application()))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            asked = asyncio.create_task(client.post(TXT2IMG, json={"force_task_id": "mine"}))
            while not fake.jobs():
                await asyncio.sleep(0.001)
            await asyncio.to_thread(fake.interrupt, fake.jobs()[0].id)
            return await asked

    answer = asyncio.run(cancel_while_it_waits())
    assert (answer.status_code, answer.json()["error"]) == (409, "Interrupted")


def test_an_error_that_nobody_foresaw_gives_nothing_away(client: Client, fake: FakeApplication) -> None:
    fake.refusal = RuntimeError("password=hunter2")
    answer = client.post(TXT2IMG)
    assert (answer.status_code, answer.json()["error"]) == (500, "InternalServerError")
    assert "hunter2" not in answer.text
    assert "X-Process-Time" in answer.headers


def test_a_refused_request_keeps_no_picture(client: Client, fake: FakeApplication) -> None:
    assert client.post(IMG2IMG, {"init_images": [PICTURE, "zzzz"]}).status_code == 422
    assert len(fake.dropped) == 1


def test_overrides_that_shall_stay_change_the_options(client: Client, fake: FakeApplication) -> None:
    body = {"override_settings": {"samples_format": "webp"}, "override_settings_restore_afterwards": False}
    client.post(TXT2IMG, body)
    assert fake.changed == {"samples_format": "webp"}
