"""The server boots as a process and answers the whole API over real HTTP."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.smoke.server import Server, serving, wait_until_ready

ASKED = {"prompt": "a red circle", "width": 64, "height": 64, "steps": 4, "seed": 7}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as client:
        wait_until_ready(client)
        yield client


@pytest.fixture(scope="module")
def drawn(client: httpx.Client) -> str:
    """A picture in base64."""
    return post(client, "txt2img", ASKED)["images"][0]


def post(client: httpx.Client, call: str, body: dict[str, Any]) -> Any:
    answer = client.post(f"/sdapi/v1/{call}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def get(client: httpx.Client, call: str) -> Any:
    return client.get(f"/sdapi/v1/{call}").raise_for_status().json()


def decoded(picture: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def test_txt2img(client: httpx.Client) -> None:
    answer = post(client, "txt2img", ASKED)
    assert sorted(answer) == ["images", "info", "parameters"]
    assert decoded(answer["images"][0]).size == (64, 64)
    assert answer["parameters"]["seed"] == 7


def test_img2img(client: httpx.Client, drawn: str) -> None:
    answer = post(client, "img2img", {**ASKED, "init_images": [drawn], "denoising_strength": 0.6})
    assert decoded(answer["images"][0]).size == (64, 64)
    assert answer["images"][0] != drawn


def test_png_info_reads_what_was_drawn(client: httpx.Client, drawn: str) -> None:
    answer = post(client, "png-info", {"image": f"data:image/png;base64,{drawn}"})
    assert answer["info"].startswith("a red circle\nSteps: 4, Sampler: Euler")
    assert "Seed: 7" in answer["info"]


def test_progress_is_at_rest(client: httpx.Client, drawn: str) -> None:
    answer = get(client, "progress")
    assert answer["progress"] == 0
    assert answer["state"]["job_count"] >= -1


def test_interrupt_with_nothing_to_interrupt(client: httpx.Client) -> None:
    assert post(client, "interrupt", {}) == {}


def test_models_samplers_and_schedulers(client: httpx.Client) -> None:
    models = get(client, "sd-models")
    assert all(model["sha256"] and model["hash"] for model in models)
    assert "Euler" in {sampler["name"] for sampler in get(client, "samplers")}
    assert "karras" in {scheduler["name"] for scheduler in get(client, "schedulers")}


def test_options_are_read_and_changed(client: httpx.Client) -> None:
    before = get(client, "options")
    post(client, "options", {"CLIP_stop_at_last_layers": 2})
    assert get(client, "options") == {**before, "CLIP_stop_at_last_layers": 2}
    post(client, "options", {"CLIP_stop_at_last_layers": before["CLIP_stop_at_last_layers"]})
    assert get(client, "options") == before


@pytest.mark.parametrize(
    ("call", "body", "status"),
    [
        ("txt2img", {"override_settings": {"sd_model_checkpoint": "nobody"}}, 404),
        ("txt2img", {"sampler_name": "nobody"}, 400),
        ("txt2img", {"width": 0}, 422),
        ("txt2img", {"steps": "many"}, 422),
        ("img2img", {"init_images": ["not base64!"]}, 422),
        ("img2img", {}, 404),
    ],
)
def test_what_is_wrong_is_refused_and_the_server_goes_on(
    client: httpx.Client, call: str, body: dict[str, Any], status: int
) -> None:
    answer = client.post(f"/sdapi/v1/{call}", json=body)
    assert answer.status_code == status, answer.text
    assert "Traceback" not in answer.text
    assert client.get("/health/live").status_code == 200


def test_a_signal_ends_the_server_cleanly(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        httpx.get(f"{server.url}/health/live").raise_for_status()
        assert server.stop() == 0
        assert "Traceback" not in server.log.read_text("utf-8")


def test_a_port_in_use_is_said_in_one_line(server: Server, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    with (
        pytest.raises(AssertionError, match=f"port {port} .*is in use") as refused,
        serving(tmp_path, "--port", port),
    ):
        pass
    assert "Traceback" not in str(refused.value)
