"""Scripts over HTTP: listed, selected by position and by name, and refused."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.integration.http.replay import PICTURE, PLAIN
from tests.unit.adapters.http.conftest import Client

TXT2IMG, IMG2IMG = "/sdapi/v1/txt2img", "/sdapi/v1/img2img"
RECORDED = {
    (script["name"], script["is_img2img"]): script
    for script in json.loads(Path("contracts/api/recorded/script-info.json").read_text())
}
OURS = [
    ("prompt matrix", False),
    ("prompts from file or textbox", False),
    ("x/y/z plot", False),
    ("loopback", True),
    ("outpainting mk2", True),
    ("poor man's outpainting", True),
    ("prompt matrix", True),
    ("prompts from file or textbox", True),
    ("sd upscale", True),
    ("x/y/z plot", True),
]


def drawn(client: Client, path: str = TXT2IMG, **fields: Any) -> tuple[int, list[str]]:
    """How many pictures came, and the prompts that they were drawn from."""
    answer = client.post(path, {**PLAIN, **fields})
    assert answer.status_code == 200, answer.text
    info = json.loads(answer.json()["info"])
    return len(answer.json()["images"]), info["all_prompts"]


def test_they_are_listed_in_the_references_order(real_client: Client) -> None:
    assert real_client.get("/sdapi/v1/scripts").json() == {
        "txt2img": [name for name, img2img in OURS if not img2img],
        "img2img": [name for name, img2img in OURS if img2img],
    }


def test_each_has_the_references_arguments(real_client: Client) -> None:
    found = real_client.get("/sdapi/v1/script-info").json()
    assert [(script["name"], script["is_img2img"]) for script in found] == OURS
    for script in found:
        ours, theirs = script["args"], RECORDED[script["name"], script["is_img2img"]]["args"]
        assert [comparable(arg) for arg in ours] == [comparable(arg) for arg in theirs]


def comparable(arg: dict[str, Any]) -> dict[str, Any]:
    """Without a text that explains, and with the upscalers that every server has."""
    if arg["label"] == "":
        return {**arg, "value": "…"}
    if arg["label"] == "Upscaler":
        return {**arg, "choices": arg["choices"][:3]}
    return arg


@pytest.mark.parametrize("args", [[False, False, "positive", "space"], {"variations_delimiter": "space"}])
def test_arguments_go_by_position_and_by_name(real_client: Client, args: Any) -> None:
    fields = {"prompt": "a cat|red", "script_name": "Prompt matrix", "script_args": args}
    assert drawn(real_client, **fields) == (3, ["a cat", "a cat red"])


def test_a_plot_of_one_axis(real_client: Client) -> None:
    plot = {"script_name": "X/Y/Z plot", "script_args": {"x_type": "Steps", "x_values": "1,2"}}
    assert drawn(real_client, **plot)[0] == 1
    assert drawn(real_client, IMG2IMG, init_images=[PICTURE], **plot)[0] == 1


def test_loopback_is_on_img2img_only(real_client: Client) -> None:
    loop = {"script_name": "loopback", "script_args": [2]}
    assert drawn(real_client, IMG2IMG, init_images=[PICTURE], **loop)[0] == 3
    answer = real_client.post(TXT2IMG, {**PLAIN, **loop})
    assert (answer.status_code, answer.json()["detail"]) == (422, "Script 'loopback' not found")


@pytest.mark.parametrize(
    ("script", "size"),
    [
        ({"script_name": "sd upscale", "script_args": ["", 8, "Lanczos", 2.0]}, (128, 128)),
        ({"script_name": "SD upscale", "script_args": {"upscaler": 1, "scale_factor": 1.5}}, (96, 96)),
        ({"script_name": "outpainting mk2", "script_args": [None, 8, 1, ["left"], 1, 0.5]}, (128, 64)),
        ({"script_name": "poor man's outpainting", "script_args": [8, 1, "original", ["up"]]}, (64, 128)),
    ],
)
def test_a_picture_that_a_script_made_comes_alone(
    real_client: Client, script: dict[str, Any], size: tuple[int, int]
) -> None:
    answer = real_client.post(IMG2IMG, {**PLAIN, "init_images": [PICTURE], **script})
    assert answer.status_code == 200, answer.text
    [image] = answer.json()["images"]
    assert Image.open(io.BytesIO(base64.b64decode(image))).size == size
    assert len(json.loads(answer.json()["info"])["all_seeds"]) == 1


def test_an_upscaler_that_is_not_there_is_refused_at_the_door(real_client: Client) -> None:
    script = {"script_name": "sd upscale", "script_args": ["", 8, "Nope"], "init_images": [PICTURE]}
    answer = real_client.post(IMG2IMG, {**PLAIN, **script})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(
        "sd upscale: upscaler is 'Nope'; it must be one of None, Lanczos"
    )


def test_pictures_in_avif_carry_their_infotext(real_client: Client) -> None:
    for kind in ("avif", "webp"):
        answer = real_client.post(TXT2IMG, {**PLAIN, "override_settings": {"samples_format": kind}}).json()
        [image] = answer["images"]
        assert Image.open(io.BytesIO(base64.b64decode(image))).format == kind.upper()
        read = real_client.post("/sdapi/v1/png-info", {"image": image}).json()
        assert read["info"] == json.loads(answer["info"])["infotexts"][0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"script_name": "prompt matrix", "script_args": [1, 2, 3, 4, 5, 6]}, "it takes at most 5"),
        ({"script_name": "prompt matrix", "script_args": ["yes"]}, "put_at_start is 'yes'"),
        ({"script_name": "x/y/z plot", "script_args": {"nope": 1}}, "its arguments are: x_type"),
        ({"script_name": "x/y/z plot", "script_args": ["FP8 mode", "x"]}, "it is not offered here"),
    ],
)
def test_what_does_not_fit_is_refused(real_client: Client, fields: dict[str, Any], said: str) -> None:
    answer = real_client.post(TXT2IMG, {**PLAIN, **fields})
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
