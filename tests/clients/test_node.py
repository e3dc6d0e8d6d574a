"""Clients from npm, unmodified, in node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source_tree import ROOT
from tests.clients.conftest import PASSWORD, USER
from tests.clients.pictures import decoded
from tests.clients.servers import Door

SOURCE = Path(__file__).with_name("node")
BUILT = ROOT / "build" / "client-tests-node"
LOCK = "package-lock.json"
RUN = "the package, in node"
SD_WEBUI, SD_API = "node-sd-webui 0.0.8 (npm)", "stable-diffusion-api 0.0.7 (npm)"
LISTS = (
    "Samplers", "Upscalers", "SdModels", "Hypernetworks", "FaceRestorers", "RealesrganModels", "PromptStyles",
)  # fmt: skip

pytestmark = pytest.mark.node


def of(name: str, shows: str) -> pytest.MarkDecorator:
    return pytest.mark.client(name, run=RUN, shows=shows)


class Calls:
    """What a script called, by name."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    def gave(self, name: str) -> Any:
        assert "gave" in self._found[name], f"{name}: {self._found[name]}"
        return self._found[name]["gave"]

    def failed(self, name: str) -> Any:
        assert "message" in self._found[name], f"{name} went well: {self._found[name]}"
        return self._found[name]


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder with the packages of the lock file. Install scripts do not run: the picture library of one
    client (sharp, in the first version whose binaries come from npm) needs none."""
    done = BUILT / "node_modules" / LOCK
    if not done.exists() or done.read_bytes() != (SOURCE / LOCK).read_bytes():
        shutil.copytree(SOURCE, BUILT, dirs_exist_ok=True)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=BUILT, check=True, timeout=240, capture_output=True)
        shutil.copy(SOURCE / LOCK, done)
    shutil.copytree(SOURCE, BUILT, dirs_exist_ok=True)
    return BUILT


def script(packages: Path, name: str, *arguments: str) -> Calls:
    run = subprocess.run(
        ["node", name, *arguments], cwd=packages, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return Calls(json.loads(run.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def sd_webui(packages: Path, door: Door) -> Calls:
    return script(packages, "node-sd-webui.cjs", door.url)


@pytest.fixture(scope="module")
def sd_api(packages: Path, door: Door) -> Calls:
    return script(packages, "stable-diffusion-api.cjs", door.url)


def sizes(pictures: list[str]) -> list[tuple[int, int]]:
    return [decoded(picture).size for picture in pictures]


@of(SD_WEBUI, "txt2img")
def test_sd_webui_txt2img(sd_webui: Calls) -> None:
    drawn = sd_webui.gave("txt2img")
    assert (sizes(drawn["images"]), drawn["seed"]) == ([(64, 64)], 7)


@of(SD_WEBUI, "hires")
def test_sd_webui_hires(sd_webui: Calls) -> None:
    assert sizes(sd_webui.gave("hires")) == [(128, 128)]


@of(SD_WEBUI, "img2img")
def test_sd_webui_img2img(sd_webui: Calls) -> None:
    assert sizes(sd_webui.gave("img2img")) == [(64, 64)]


@of(SD_WEBUI, "pngInfo (it counts places as of 2023, so what follows the sampler is shifted by one)")
def test_sd_webui_png_info(sd_webui: Calls) -> None:
    found = sd_webui.gave("pngInfo")
    assert (found["prompt"], found["negativePrompt"]) == ("a red circle", "blur")
    assert (found["steps"], found["samplingMethod"]) == (4, "Euler a")


@of(SD_WEBUI, "errors")
def test_sd_webui_errors(sd_webui: Calls) -> None:
    assert sd_webui.failed("refused")["message"] == "Bad Request"
    assert sd_webui.failed("controlNet")["message"] == "Not Found"


@of(SD_API, "txt2img")
def test_sd_api_txt2img(sd_api: Calls) -> None:
    assert sd_api.gave("txt2img") == {"sizes": [[64, 64], [64, 64]], "seeds": [7, 8], "sampler": "Euler a"}


@of(SD_API, "img2img")
def test_sd_api_img2img(sd_api: Calls) -> None:
    assert sd_api.gave("img2img") == [[64, 64]]


@of(SD_API, "extraSingle")
def test_sd_api_extra_single(sd_api: Calls) -> None:
    found = sd_api.gave("extraSingle")
    assert found["sizes"] == [[128, 128]]
    assert found["info"].startswith("<p>Postprocess upscale by: 2")


@of(SD_API, "extraBatch (refused as by the reference: it sends `image_list` for `imageList`)")
def test_sd_api_extra_batch(sd_api: Calls) -> None:
    refused = sd_api.failed("extraBatch")
    assert refused["status"] == 422
    assert refused["body"]["detail"][0]["loc"] == ["body", "imageList"]


@of(SD_API, "pngInfo")
def test_sd_api_png_info(sd_api: Calls) -> None:
    """The picture has no text, and the client makes an object of an empty one."""
    assert sd_api.gave("pngInfo") == {}


@of(SD_API, "interrogate (there is no caption model: the answer says so)")
def test_sd_api_interrogate(sd_api: Calls) -> None:
    refused = sd_api.failed("interrogate")
    assert refused["status"] not in (None, 500)
    assert "caption" in refused["body"]["detail"] or "interrogat" in refused["body"]["detail"]


@of(SD_API, "errors")
def test_sd_api_errors(sd_api: Calls) -> None:
    refused = sd_api.failed("refused")
    assert (refused["status"], refused["body"]["detail"]) == (400, "Sampler not found")


@of(SD_API, "every list")
def test_sd_api_lists(sd_api: Calls, title: str) -> None:
    assert all(isinstance(sd_api.gave(name), list) for name in LISTS)
    assert [model["title"] for model in sd_api.gave("SdModels")] == [title]
    assert {"None", "Lanczos", "Nearest"} <= {found["name"] for found in sd_api.gave("Upscalers")}


@of(SD_API, "options, flags, progress, waitForReady")
def test_sd_api_state(sd_api: Calls, title: str) -> None:
    assert sd_api.gave("options") == [None, True]
    assert sd_api.gave("flags") is True
    assert sd_api.gave("progress")["state"]["job_count"] == 0
    assert sd_api.gave("refresh") is None
    assert (sd_api.gave("model"), sd_api.gave("ready")) == (title, True)


@of(SD_API, "setModel (fails before it sends: it looks for a key `name` that no web UI gives)")
def test_sd_api_set_model(sd_api: Calls) -> None:
    assert sd_api.failed("setModel").get("status") is None


@of(SD_API, "ControlNet's lists and detect")
def test_sd_api_controlnet(sd_api: Calls) -> None:
    assert sd_api.gave("models") == []
    assert "none" in sd_api.gave("modules")
    assert sd_api.gave("detect") == [[64, 64]]


@of(SD_API, "setAuth")
def test_sd_api_password(packages: Path, guarded: Door) -> None:
    said = script(packages, "stable-diffusion-api.cjs", guarded.url, USER, PASSWORD)
    assert said.gave("txt2img")["sizes"] == [[64, 64], [64, 64]]
