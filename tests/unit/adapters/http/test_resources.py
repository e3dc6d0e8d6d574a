from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from adapters.http.app import create_app
from core.domain.request import ExtrasParams, InterrogateParams, Kind
from core.domain.resources import (
    EmbeddingRef,
    LoraRef,
    MemoryUse,
    NamedFile,
    ScriptArg,
    ScriptInfo,
    UpscalerRef,
)
from core.domain.styles import Style
from plugins.report import PluginReport
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import PNG, FakeApplication
from tests.unit.adapters.http.test_routes import recorded

PICTURE = base64.b64encode(PNG).decode()


class Some:
    """One or two of everything."""

    def __init__(self) -> None:
        self.refreshed = 0

    def upscalers(self) -> list[UpscalerRef]:
        rrdb = UpscalerRef(name="R-ESRGAN 4x+", model_name="R-ESRGAN 4x+", path="ESRGAN/x4.safetensors")
        return [UpscalerRef(name="Lanczos"), rrdb]

    def latent_upscalers(self) -> list[str]:
        return ["Latent", "Latent (antialiased)"]

    def face_restorers(self) -> list[str]:
        return ["CodeFormer"]

    def vaes(self) -> list[NamedFile]:
        return [NamedFile("v.safetensors", "VAE/v.safetensors")]

    def text_encoders(self) -> list[NamedFile]:
        return [NamedFile("t5.safetensors", "text_encoder/t5.safetensors")]

    def hypernetworks(self) -> list[NamedFile]:
        return [NamedFile("h", "hypernetworks/h.safetensors")]

    def loras(self) -> list[LoraRef]:
        return [LoraRef(name="l", alias="L", filename="Lora/l.safetensors", metadata={"a": "b"})]

    def embeddings(self) -> list[EmbeddingRef]:
        return [
            EmbeddingRef(name="e", shape=768, vectors=2, step=5),
            EmbeddingRef(name="x", shape=1024, vectors=1, loaded=False),
        ]

    def styles(self) -> list[Style]:
        return [Style("s1", "{prompt}, oil painting", "ugly"), Style("divider", None, None)]

    def scripts(self) -> list[ScriptInfo]:
        argument = ScriptArg(label="Schedule bias", value=1, minimum=0, maximum=8, step=0.1)
        choice = ScriptArg(label="Kind", value="a", choices=("a", "b"))
        return [
            ScriptInfo(name="plot", always_on=False, img2img=False, args=(argument, choice)),
            ScriptInfo(name="quiet", always_on=True, img2img=False, documented=False),
            ScriptInfo(name="plot", always_on=False, img2img=True, args=(argument, choice)),
        ]

    def refresh(self) -> None:
        self.refreshed += 1


class Device:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def memory(self) -> MemoryUse:
        return MemoryUse(total=10.0, used=4.0, device={"system": {"free": 1, "used": 2, "total": 3}})

    def unload(self) -> None:
        self.calls.append("unload")

    def reload(self) -> None:
        self.calls.append("reload")


NOTHING: Mapping[str, Any] = {
    "upscalers": [], "latent-upscale-modes": [], "face-restorers": [], "realesrgan-models": [],
    "loras": [], "hypernetworks": [], "sd-vae": [], "sd-modules": [], "prompt-styles": [],
    "extensions": [], "script-info": [], "scripts": {"txt2img": [], "img2img": []},
    "embeddings": {"loaded": {}, "skipped": {}},
}  # fmt: skip


@pytest.mark.parametrize("name", NOTHING)
def test_a_list_is_empty_where_there_is_nothing(client: Client, name: str) -> None:
    assert client.get(f"/sdapi/v1/{name}").json() == NOTHING[name]


@pytest.fixture
def some(fake: FakeApplication, client_with: Callable[..., Client]) -> Client:
    fake.resources = Some()
    return client_with()


def test_upscalers(some: Client) -> None:
    found = some.get("/sdapi/v1/upscalers").json()
    assert [list(item) for item in found] == [list(recorded("upscalers")[0])] * 2
    assert (found[0]["scale"], found[1]["model_path"]) == (4.0, "ESRGAN/x4.safetensors")
    assert some.get("/sdapi/v1/latent-upscale-modes").json() == recorded("latent-upscale-modes")[:2]
    assert some.get("/sdapi/v1/face-restorers").json() == [{"name": "CodeFormer", "cmd_dir": None}]
    models = some.get("/sdapi/v1/realesrgan-models").json()
    assert models == [{"name": "R-ESRGAN 4x+", "path": "ESRGAN/x4.safetensors", "scale": 4}]


def test_networks(some: Client) -> None:
    lora = {"name": "l", "alias": "L", "path": "Lora/l.safetensors", "metadata": {"a": "b"}}
    assert some.get("/sdapi/v1/loras").json() == [lora]
    assert some.get("/sdapi/v1/hypernetworks").json() == [
        {"name": "h", "path": "hypernetworks/h.safetensors"}
    ]
    found = some.get("/sdapi/v1/embeddings").json()
    assert found["loaded"]["e"] == {
        "step": 5, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": 768, "vectors": 2
    }  # fmt: skip
    assert list(found["skipped"]) == ["x"]


def test_parts_and_styles(some: Client) -> None:
    vae = {"model_name": "v.safetensors", "filename": "VAE/v.safetensors"}
    assert some.get("/sdapi/v1/sd-vae").json() == [vae]
    assert [item["model_name"] for item in some.get("/sdapi/v1/sd-modules").json()] == [
        "v.safetensors",
        "t5.safetensors",
    ]
    styles = some.get("/sdapi/v1/prompt-styles").json()
    assert styles[0] == recorded("prompt-styles-with-file")[0]
    assert styles[1] == {"name": "divider", "prompt": None, "negative_prompt": None}


def test_scripts(some: Client) -> None:
    assert some.get("/sdapi/v1/scripts").json() == {"txt2img": ["plot", "quiet"], "img2img": ["plot"]}
    found = some.get("/sdapi/v1/script-info").json()
    assert [(item["name"], item["is_img2img"]) for item in found] == [("plot", False), ("plot", True)]
    assert list(found[0]) == list(recorded("script-info")[0])
    assert list(found[0]["args"][0]) == list(recorded("script-info")[0]["args"][0])
    assert found[0]["args"][1]["choices"] == ["a", "b"]


@pytest.mark.parametrize("what", ["refresh-loras", "refresh-vae", "refresh-embeddings"])
def test_refresh(some: Client, fake: FakeApplication, what: str) -> None:
    assert some.post(f"/sdapi/v1/{what}").json() is None
    assert fake.resources.refreshed == 1  # type: ignore[attr-defined]


def test_memory_of_the_host(client: Client) -> None:
    found = client.get("/sdapi/v1/memory").json()
    assert list(found) == list(recorded("memory"))
    assert found["cuda"] == {"error": "unavailable"}
    assert found["ram"]["total"] > found["ram"]["used"] > 0
    assert client.post("/sdapi/v1/unload-checkpoint").json() == {}
    assert client.post("/sdapi/v1/reload-checkpoint").json() == {}


def test_memory_of_a_device(fake: FakeApplication, client_with: Callable[..., Client]) -> None:
    fake.memory = device = Device()
    client = client_with()
    found = client.get("/sdapi/v1/memory").json()
    assert found["ram"] == {"free": 6.0, "used": 4.0, "total": 10.0}
    assert found["cuda"]["system"]["total"] == 3
    client.post("/sdapi/v1/unload-checkpoint", content=b'""', headers={"content-type": "application/json"})
    client.post("/sdapi/v1/reload-checkpoint")
    assert device.calls == ["unload", "reload"]


@pytest.fixture
def able(fake: FakeApplication, client_with: Callable[..., Client]) -> Client:
    fake.kinds = frozenset(Kind)
    fake.more_info = {"html_info": "<p>done</p>", "caption": "a cat"}
    return client_with()


def test_extras_of_one_picture(able: Client, fake: FakeApplication) -> None:
    body = {
        "image": PICTURE,
        "upscaler_1": "Lanczos",
        "resize_mode": 1,
        "upscaling_resize_w": 64,
        "model": "clip",
    }
    assert able.post("/sdapi/v1/extra-single-image", body).json() == {
        "html_info": "<p>done</p>",
        "image": PICTURE,
    }
    extras = fake.submitted[0].extras
    assert extras == ExtrasParams(
        images=fake.submitted[0].blobs(), to_size=True, width=64, upscaler_1="Lanczos", names=()
    )


def test_extras_of_several_pictures(able: Client, fake: FakeApplication) -> None:
    body = {"imageList": [{"data": PICTURE, "name": "a.png"}, {"data": PICTURE, "name": "../b.png"}]}
    answer = able.post("/sdapi/v1/extra-batch-images", body)
    assert answer.json() == {"html_info": "<p>done</p>", "images": [PICTURE]}
    extras = fake.submitted[0].extras
    assert extras is not None
    assert extras.names == ("a.png", "../b.png")
    assert answer.headers["X-Job-Id"].startswith("task(extras-")


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("resize_mode", 2, "value_error.const"),
        ("resize_mode", "1", "value_error.const"),
        ("gfpgan_visibility", 1.5, "value_error.number.not_le"),
        ("codeformer_weight", -1, "value_error.number.not_ge"),
        ("upscaling_resize", 0, "value_error.number.not_gt"),
        ("upscaling_resize_w", 0, "value_error.number.not_ge"),
        ("image", None, "type_error.none.not_allowed"),
    ],
)
def test_extras_out_of_range(able: Client, field: str, value: object, kind: str) -> None:
    answer = able.post("/sdapi/v1/extra-single-image", {"image": PICTURE, field: value})
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, kind)


@pytest.mark.parametrize("files", [None, 5, [5], [{"data": PICTURE}]])
def test_extras_of_several_need_a_list_of_files(able: Client, files: object) -> None:
    assert able.post("/sdapi/v1/extra-batch-images", {"imageList": files}).status_code == 422
    assert able.post("/sdapi/v1/extra-batch-images", {"image_list": []}).json()["detail"][0]["loc"] == [
        "body",
        "imageList",
    ]


def test_interrogate(able: Client, fake: FakeApplication) -> None:
    assert able.post("/sdapi/v1/interrogate", {"image": PICTURE}).json() == {"caption": "a cat"}
    assert fake.submitted[0].interrogate == InterrogateParams(image=fake.submitted[0].blobs()[0])
    answer = able.post("/sdapi/v1/interrogate", {"image": PICTURE, "model": "nope"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Model not found")
    assert able.post("/sdapi/v1/interrogate", {"image": ""}).status_code == 422


@pytest.mark.parametrize("path", ["extra-single-image", "interrogate"])
def test_a_kind_of_job_that_nothing_serves_is_501(client: Client, path: str) -> None:
    answer = client.post(f"/sdapi/v1/{path}", {"image": PICTURE})
    assert (answer.status_code, answer.json()["error"]) == (501, "NotOffered")


@pytest.mark.parametrize(
    "path", ["create/embedding", "create/hypernetwork", "train/embedding", "train/hypernetwork"]
)
def test_training_is_501(client: Client, path: str) -> None:
    answer = client.post(f"/sdapi/v1/{path}", {"name": "x"})
    assert (answer.status_code, list(answer.json())) == (501, ["error", "detail", "body", "errors"])


def test_cmd_flags_have_the_references_keys_and_no_path(client: Client) -> None:
    found = client.get("/sdapi/v1/cmd-flags").json()
    assert list(found) == list(recorded("cmd-flags"))
    assert (found["port"], found["server_name"], found["api_auth"]) == (7860, "127.0.0.1", None)
    assert not [value for value in found.values() if str(value).startswith("/")]


def test_plugins_are_extensions(fake: FakeApplication) -> None:
    plugins = (
        PluginReport(name="own", distribution="serena", version="1", builtin=True),
        PluginReport(name="sepia", distribution="serena-sepia", version="2", builtin=False),
        PluginReport(name="broken", distribution="d", version="3", builtin=False, error="no"),
    )
    client = Client(create_app(replace(fake.application(), plugins=plugins)))
    found = client.get("/sdapi/v1/extensions").json()
    assert [(row["name"], row["version"], row["enabled"]) for row in found] == [
        ("sepia", "2", True),
        ("broken", "3", False),
    ]
    keys = {"name", "remote", "branch", "commit_hash", "version", "commit_date", "enabled"}
    assert [set(row) for row in found] == [keys, keys]
