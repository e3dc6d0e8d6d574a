"""Whatever is sent, nothing breaks: no 500, no hang, an answer that can be read. And the attacks by name."""

from __future__ import annotations

import base64
import json
import random
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.http.app import create_app
from adapters.http.examples import EXAMPLES, PIXEL
from adapters.http.wire.generation import Img2ImgRequest, Txt2ImgRequest
from adapters.settings import Settings
from tests.unit.adapters.http.conftest import Client

TXT2IMG, IMG2IMG, PNG_INFO = "/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/png-info"
SMALL = {"width": 64, "height": 64, "steps": 1}
JSON = {"content-type": "application/json"}
SMALL_BOUND = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)

ODD = (
    None, True, False, 0, 1, -1, 2, 7, 64, 10**6, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e-300, 1e300,
    "", "0", "-1", "nan", "inf", "true", "Euler", "\x00", "\x1b[31m", "a\nSteps: 1",
    "../../etc/passwd",
    "{{7*7}}", "${x}", "py:1+1", "(((((", "[[[[[", "<lora:../../x:1>", "\u202e", "\U0001f600" * 50, [], [[]],
    [None], [1, "a"], {}, {"a": 1}, {"args": []}, {"": {}}, PIXEL, "data:image/png;base64,", "http://127.0.0.1/",
)  # fmt: skip
values = st.sampled_from(ODD)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Serena that draws small pictures only."""
    limits = {"max_pixels": 128 * 128, "max_steps": 4, "max_images": 4}
    folder = tmp_path_factory.mktemp("fuzz")
    app = bootstrap(Settings(data_dir=folder / "data", backend={"name": "fake"}, limits=limits))
    app.start()
    yield app
    app.close()


@pytest.fixture(scope="module")
def client(small: Application) -> Client:
    return Client(create_app(small))


def sound(answer: Any) -> None:
    assert answer.status_code < 500 or answer.status_code == 501, answer.text[:500]
    answer.json()


def fields_of(path: str) -> list[str]:
    models = {TXT2IMG: Txt2ImgRequest, IMG2IMG: Img2ImgRequest}
    return list(models[path].model_fields) if path in models else list(EXAMPLES[("post", path)])


@pytest.mark.parametrize("path", [path for _, path in EXAMPLES])
@SMALL_BOUND
@given(data=st.data())
def test_odd_values_in_every_field(client: Client, path: str, data: st.DataObject) -> None:
    names = fields_of(path)
    odd = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=3))
    base = SMALL if path in (TXT2IMG, IMG2IMG) else EXAMPLES[("post", path)]
    sound(client.post(path, {**base, **odd}))


@SMALL_BOUND
@given(body=st.binary(max_size=200))
def test_odd_bytes_for_a_body(client: Client, body: bytes) -> None:
    sound(client.post(TXT2IMG, content=body, headers=JSON))


@SMALL_BOUND
@given(changes=st.dictionaries(st.sampled_from(["samples_format", "CLIP_stop_at_last_layers", "x"]), values))
def test_odd_options(client: Client, changes: dict[str, Any]) -> None:
    before = client.get("/sdapi/v1/options").json()
    answer = client.post("/sdapi/v1/options", changes)
    sound(answer)
    if answer.status_code != 200:
        assert client.get("/sdapi/v1/options").json() == before


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"prompt": "\xff\xfe"}',
        b'{"seed": ' + b"1" * 10_000 + b"}",
        b'{"prompt": "a", "prompt": "b", "steps": 1, "width": 64, "height": 64}',
        json.dumps({f"k{n}": n for n in range(100_000)} | SMALL).encode(),
        json.dumps({"styles": ["x"] * 100_000, **SMALL}).encode(),
        json.dumps({"script_args": [[]] * 100_000, **SMALL}).encode(),
        b'{"override_settings": {"a": NaN}}',
    ],
    ids=range(9),
)
def test_23_deep_wide_and_broken_json(client: Client, body: bytes) -> None:
    started = time.process_time()
    sound(client.post(TXT2IMG, content=body, headers=JSON))
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 10**9}, {"height": -5}, {"steps": 10**9}, {"batch_size": 10**6}, {"n_iter": 10**6},
        {"width": 10**9, "height": 0}, {"batch_size": 0}, {"cfg_scale": "1e309"}, {"seed": 10**30},
        {"hr_scale": 1e9, "enable_hr": True, "denoising_strength": 0.5},
    ],
)  # fmt: skip
def test_22_absurd_sizes_are_refused_quickly(client: Client, fields: dict[str, Any]) -> None:
    started = time.process_time()
    assert client.post(TXT2IMG, {**SMALL, **fields}).status_code == 422
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "prompt",
    [
        "(" * 100_000,
        "[" * 100_000,
        "a AND " * 20_000,
        "[a:b:" * 20_000,
        "x" * 1_000_000,
        "py:1",
        "{{7*7}}",
        "${7*7}",
    ],
)
def test_22_and_28_a_prompt_is_a_text_and_read_in_linear_time(client: Client, prompt: str) -> None:
    started = time.process_time()
    sound(client.post(TXT2IMG, {**SMALL, "prompt": prompt}))
    assert time.process_time() - started < 20


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes, rows: bytes = b"") -> str:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = (
        b"\x89PNG\r\n\x1a\n"
        + head
        + b"".join(chunks)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    "picture",
    [
        png(50_000, 50_000, rows=bytes(10_000)),
        png(2**31 - 1, 1),
        png(0, 0),
        png(8, 8, rows=b"\x00"),
        png(8, 8, chunk(b"zTXt", b"parameters\x00\x00" + zlib.compress(bytes(200_000_000))), rows=bytes(72)),
        base64.b64encode(b"GIF89a<script>alert(1)</script>").decode(),
        base64.b64encode(b"<svg onload=alert(1)>").decode(),
        base64.b64encode(bytes(10_000_000)).decode(),
        base64.b64encode(random.Random(1).randbytes(100_000)).decode(),
    ],
    ids=["bomb", "wide", "empty", "truncated", "text-bomb", "gif-script", "svg", "zeros", "noise"],
)
@pytest.mark.parametrize("path", [IMG2IMG, PNG_INFO])
def test_21_and_12_pictures_that_are_bombs_or_none(client: Client, path: str, picture: str) -> None:
    started = time.process_time()
    body = {**SMALL, "init_images": [picture]} if path == IMG2IMG else {"image": picture}
    answer = client.post(path, body)
    sound(answer)
    assert answer.status_code == 422 or path == PNG_INFO
    assert "site-packages" not in answer.text
    assert time.process_time() - started < 10


ESCAPES = ["/etc", "../../x", "..\\..\\x", "\\\\host\\share", "C:x", "a/../../../x", "/tmp/serena-escape"]


@pytest.mark.parametrize("where", ESCAPES)
@pytest.mark.parametrize(
    "option", ["outdir_txt2img_samples", "directories_filename_pattern", "samples_filename_pattern"]
)
def test_8_no_option_leads_out_of_the_data_folder(
    small: Application, client: Client, option: str, where: str
) -> None:
    body = {**SMALL, "save_images": True, "override_settings": {option: where}}
    answer = client.post(TXT2IMG, body)
    assert answer.status_code in (200, 422)
    root = small.settings.data_dir
    assert not [path for path in root.parent.rglob("*.png") if not path.is_relative_to(root)]
    assert not Path("/tmp/serena-escape").exists()


@pytest.mark.parametrize(
    "path",
    [
        "/sdapi/v1/%2e%2e/%2e%2e/etc/passwd",
        "/docs/../../etc/passwd",
        "/sdapi/v1/..%2f..%2fetc/passwd",
        "//etc/passwd",
    ],
)
def test_9_no_path_leads_to_a_file(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"styles": ["../../x"]}, {"prompt": "<lora:../../x:1>"}, {"override_settings": {"sd_vae": "../../x"}},
        {"script_name": "../x"}, {"override_settings": {"sd_model_checkpoint": "/etc/passwd"}},
        {"refiner_checkpoint": "../../x"},
    ],
)  # fmt: skip
def test_11_names_are_no_paths(client: Client, fields: dict[str, Any]) -> None:
    answer = client.post(TXT2IMG, {**SMALL, **fields})
    sound(answer)
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "prompt", ["a\nSteps: 1, Seed: 99", "\x1b[31mred", "a\nNegative prompt: b", 'q"uo,te: x']
)
def test_26_a_prompt_forges_no_infotext(client: Client, prompt: str) -> None:
    body = client.post(TXT2IMG, {**SMALL, "prompt": prompt, "seed": 5}).json()
    assert json.loads(body["info"])["prompt"] == prompt
    found = client.post(PNG_INFO, {"image": body["images"][0]}).json()
    assert found["parameters"]["Seed"] == "5"
    assert found["parameters"]["Prompt"].strip() == prompt.strip()
