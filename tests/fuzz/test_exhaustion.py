"""Small requests that would cost much (C.2, 21 to 23). Each costs the server little work and no memory.

Work is the processor's time of the server, so that a busy machine fails nothing."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image, PngImagePlugin

from tests.clients.conftest import ASKED
from tests.clients.pictures import encoded
from tests.clients.servers import Door
from tests.clients.test_rules import leave_open
from tests.fuzz.conftest import busy_seconds, resident_mb

S = "/sdapi/v1"
MOST = 5.0
"""Seconds of the processor; nearly all take milliseconds, but the tests may measure coverage too."""
MORE_MB = 150
SMALL_PICTURE = encoded(Image.new("L", (8, 8)))


@pytest.fixture(autouse=True)
def costs_little(door: Door) -> Iterator[None]:
    """The server lives and has not kept what it was sent."""
    before = resident_mb(door)
    yield
    assert door.client.get("/health/ready").status_code == 200
    assert resident_mb(door) - before < MORE_MB


def sent(door: Door, path: str, body: Any = None, **more: Any) -> httpx.Response:
    with little_work(door):
        answer = door.client.post(path, **({"json": body} if body is not None else {}), **more)
    assert answer.status_code != 500, answer.text[:500]
    assert answer.is_success or len(answer.content) < 10_000, "what was sent comes back"
    return answer


@contextmanager
def little_work(door: Door) -> Iterator[None]:
    before = busy_seconds(door)
    yield
    assert busy_seconds(door) - before < MOST


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes, *more: bytes, depth: int = 1) -> str:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    file = b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return base64.b64encode(file).decode()


@cache
def zeros(count: int) -> bytes:
    """As many zero bytes, compressed."""
    squeeze = zlib.compressobj(9)
    block = bytes(1 << 20)
    out = [squeeze.compress(block) for _ in range(count >> 20)]
    return b"".join((*out, squeeze.compress(bytes(count & 0xFFFFF)), squeeze.flush()))


def frames_of_gif(count: int) -> str:
    head = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(3) + b"\xff\xff\xff"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 8, 8, 0) + b"\x02\x05\x84\x8f\xa9\xcb\xed\x00"
    return base64.b64encode(head + frame * count + b"\x3b").decode()


def send_picture(door: Door, picture: str) -> list[httpx.Response]:
    return [
        sent(door, f"{S}/png-info", {"image": picture}),
        sent(door, f"{S}/img2img", {**ASKED, "init_images": [picture]}),
        sent(door, f"{S}/img2img", {**ASKED, "init_images": [SMALL_PICTURE], "mask": picture}),
        sent(door, f"{S}/extra-single-image", {"image": picture, "upscaler_1": "Lanczos"}),
    ]


@pytest.mark.parametrize("side", [50_000, 30_000, 2**31 - 1])
def test_attack_21_a_picture_that_says_it_is_huge(door: Door, side: int) -> None:
    for answer in send_picture(door, png(side, side, zeros(100_000))):
        assert answer.status_code == 422
        assert "Pixels" not in answer.text
        assert "decompression bomb" not in answer.text, "the library's own text says too much"


def test_attack_21_a_picture_that_is_huge(door: Door) -> None:
    side = 24_000
    for answer in send_picture(door, png(side, side, zeros(side * (side // 8 + 1)))):
        assert answer.status_code == 422


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_attack_21_text_that_unfolds(door: Door, kind: bytes) -> None:
    bomb = zeros(100 << 20)
    text = b"parameters\x00" + (b"\x00" if kind == b"zTXt" else b"\x01\x00\x00\x00") + bomb
    for answer in send_picture(door, png(8, 8, zeros(16), chunk(kind, text))):
        assert answer.status_code in (200, 422)


def test_attack_21_a_profile_that_unfolds(door: Door) -> None:
    text = b"icc\x00\x00" + zeros(100 << 20)
    for answer in send_picture(door, png(8, 8, zeros(16), chunk(b"iCCP", text))):
        assert answer.status_code in (200, 422)


def test_attack_21_many_frames(door: Door) -> None:
    for answer in send_picture(door, frames_of_gif(100_000)):
        assert answer.status_code in (200, 422)


def test_attack_21_many_texts(door: Door) -> None:
    info = PngImagePlugin.PngInfo()
    for index in range(20_000):
        info.add_text(f"k{index}", "v")
    pictures = chunks_of(info)
    for answer in send_picture(door, png(8, 8, zeros(16), *pictures)):
        assert answer.status_code in (200, 422)


def chunks_of(info: PngImagePlugin.PngInfo) -> list[bytes]:
    return [chunk(bytes(kind), bytes(data)) for kind, data, *_ in info.chunks]


def test_attack_21_broken_pictures_say_nothing_of_the_library(door: Door) -> None:
    good = base64.b64decode(encoded(Image.new("RGB", (64, 64))))
    for cut in (8, 20, 40, len(good) // 2, len(good) - 13):
        for answer in send_picture(door, base64.b64encode(good[:cut]).decode()):
            assert answer.status_code in (200, 422)
            assert not any(word in answer.text for word in ("0x7", "BytesIO", "PIL", "object at"))


def test_attack_21_a_body_that_is_too_large(door: Door) -> None:
    blob = b"0" * (1 << 20)
    answer = sent(door, f"{S}/png-info", content=(blob for _ in range(20)),
                  headers={"Content-Type": "application/json"})  # fmt: skip
    assert answer.status_code == 413
    announced = raw_head(door, 10**12)
    assert announced == 413


def raw_head(door: Door, length: int) -> int:
    """The status for a body that is announced and never sent."""
    where = urlsplit(door.url)
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        lines = (f"POST {S}/txt2img HTTP/1.1", f"Host: {where.netloc}", "Content-Type: application/json",
                 f"Content-Length: {length}", "", "")  # fmt: skip
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.recv(100).split()[1])


HUGE = (10**9, 2**31, 2**63, 2**64, 10**400, -1, -(2**63), 0)
NUMBERS = ("width", "height", "steps", "batch_size", "n_iter")


@pytest.mark.parametrize("value", HUGE, ids=lambda v: f"{v:.0e}" if abs(v) < 10**300 else "10**400")
@pytest.mark.parametrize("name", NUMBERS)
def test_attack_22_numbers_that_are_too_large_or_too_small(door: Door, name: str, value: int) -> None:
    answer = sent(door, f"{S}/txt2img", {**ASKED, name: value})
    assert answer.status_code == 422
    assert name in answer.text


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "1e309", "-1e309", '"nan"', '"inf"'])
@pytest.mark.parametrize("name", ["cfg_scale", "denoising_strength", "width", "eta", "s_churn", "hr_scale"])
def test_attack_22_numbers_that_are_none(door: Door, name: str, token: str) -> None:
    body = json.dumps(ASKED | {"enable_hr": True, name: "HERE"}).replace('"HERE"', token)
    answer = sent(door, f"{S}/txt2img", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422


ODD: tuple[dict[str, Any], ...] = (
    {"enable_hr": True, "denoising_strength": 0.5, "hr_scale": 1e9},
    {"enable_hr": True, "denoising_strength": 0.5, "hr_scale": -1},
    {"enable_hr": True, "denoising_strength": 0.5, "hr_resize_x": 2**31, "hr_resize_y": 2**31},
    {"enable_hr": True, "denoising_strength": 0.5, "hr_second_pass_steps": 2**31},
    {"enable_hr": True, "denoising_strength": 0.5, "firstphase_width": 2**31, "firstphase_height": 2**31},
    {"seed": 10**30}, {"subseed": -(10**30)}, {"cfg_scale": 1e308}, {"denoising_strength": -5},
    {"seed_resize_from_w": 2**31, "seed_resize_from_h": 2**31, "subseed_strength": 0.5},
    {"styles": ["warm"] * 100_000}, {"script_args": list(range(1_000_000))}, {"width": True}, {"steps": [1]},
    {"override_settings": {"CLIP_stop_at_last_layers": 10**9}},
    {"override_settings": {f"k{n}": 1 for n in range(100_000)}},
    {"override_settings": {"n_rows": 10**9, "grid_save": True}, "batch_size": 2},
    {"force_task_id": "x" * 1_000_000},
    {"s_churn": 1e308, "s_tmax": 1e308, "s_noise": 1e308}, {"eta": 1e308, "sampler_name": "Euler a"},
)  # fmt: skip


@pytest.mark.parametrize("fields", ODD, ids=lambda fields: "-".join(fields))
def test_attack_22_odd_values(door: Door, fields: dict[str, Any]) -> None:
    assert sent(door, f"{S}/txt2img", {**ASKED, **fields}).status_code in (200, 422)


INIT: tuple[dict[str, Any], ...] = (
    {"mask_blur": 10**9}, {"mask_blur": -1}, {"inpaint_full_res_padding": 10**9},
    {"inpaint_full_res_padding": -(10**9)}, {"mask_blur_x": 10**9}, {"resize_mode": 99},
    {"inpainting_fill": -1}, {"initial_noise_multiplier": 1e308}, {"image_cfg_scale": 1e308},
)  # fmt: skip


@pytest.mark.parametrize("fields", INIT, ids=lambda fields: "-".join(fields))
def test_attack_22_odd_values_for_masks(door: Door, fields: dict[str, Any]) -> None:
    picture = encoded(Image.new("RGB", (64, 64)))
    body = {**ASKED, "init_images": [picture], "mask": picture, **fields}
    assert sent(door, f"{S}/img2img", body).status_code in (200, 422)


def test_attack_22_many_pictures(door: Door) -> None:
    picture = encoded(Image.new("RGB", (8, 8)))
    assert sent(door, f"{S}/img2img", {**ASKED, "init_images": [picture] * 5_000}).status_code in (200, 422)


EXTRAS: tuple[dict[str, Any], ...] = (
    {"upscaling_resize": 1e9}, {"upscaling_resize": 0}, {"upscaling_resize": -1},
    {"resize_mode": 1, "upscaling_resize_w": 2**31, "upscaling_resize_h": 2**31},
    {"resize_mode": 1, "upscaling_resize_w": 1, "upscaling_resize_h": 2**31},
    {"resize_mode": 1, "upscaling_resize_w": 10**6, "upscaling_resize_h": 1},
    {"resize_mode": 7}, {"gfpgan_visibility": 2}, {"codeformer_weight": -1},
)  # fmt: skip


@pytest.mark.parametrize("fields", EXTRAS, ids=lambda fields: "-".join(f"{k}={v}" for k, v in fields.items()))
def test_attack_22_extras_beyond_measure(door: Door, fields: dict[str, Any]) -> None:
    body = {"image": encoded(Image.new("RGB", (64, 64))), "upscaler_1": "Lanczos", **fields}
    assert sent(door, f"{S}/extra-single-image", body).status_code == 422


PROMPTS = {
    "10 MB": "word " * 2_000_000,
    "no break": "x" * 1_000_000,
    "round brackets": "(" * 100_000 + "x" + ")" * 100_000,
    "square brackets": "[" * 100_000 + "x" + "]" * 100_000,
    "open brackets": "([" * 50_000,
    "closed brackets": "])" * 50_000,
    "weights": "(a:1.1)" * 100_000,
    "nested weights": "(" * 5_000 + "x" + ":1.1)" * 5_000,
    "edits": "[a:b:5]" * 20_000,
    "nested edits": "[" * 2_000 + "a" + ":b:0.5]" * 2_000,
    "alternations": "[" + "a|" * 100_000 + "b]",
    "nested alternations": "[a|" * 1_000 + "b" + "]" * 1_000,
    "many alternations": "[a|b]" * 20_000,
    "AND": " AND ".join(["cat"] * 5_000),
    "AND with weights": " AND ".join(["cat:1.2"] * 2_000),
    "BREAK": " BREAK " * 20_000,
    "LoRAs": "<lora:ink:0.5>" * 20_000,
    "open LoRA": "<lora:" * 100_000,
    "backslashes": "\\" * 1_000_000,
    "commas": "," * 1_000_000,
    "colons": "(a" + ":" * 200_000 + ")",
    "digits": "(a:" + "9" * 200_000 + ")",
    "blanks": "(a" + " " * 500_000 + ":1)",
    "control characters": "\x00\x1b\x07" * 10_000,
    "combining marks": "a" + "\u0301" * 200_000,
    "emoji": "👩‍👩‍👧‍👦" * 20_000,
}


@pytest.mark.parametrize("name", PROMPTS)
def test_attack_22_prompts(door: Door, name: str) -> None:
    prompt = PROMPTS[name]
    answer = door_answer(door, {**ASKED, "prompt": prompt})
    assert answer in (200, 422)
    assert door_answer(door, {**ASKED, "prompt": "", "negative_prompt": prompt}) in (200, 422)


def door_answer(door: Door, body: dict[str, Any]) -> int:
    """The status; a prompt that is drawn comes back, as it should."""
    with little_work(door):
        answer = door.client.post(f"{S}/txt2img", json=body)
    return answer.status_code


INFOTEXTS = {
    "pairs": "x\nSteps: 1, " + "A: 1, " * 20_000,
    "quotes": 'x\nSteps: 1, A: "' + '\\"' * 100_000,
    "open quotes": "x\nSteps: 1, " + 'A: "b, ' * 20_000,
    "lines": "x\n" * 200_000 + "Steps: 1",
    "colons": "x\nSteps: 1, A" + ":" * 50_000,
    "blanks": "x\nSteps: 1, A" + " " * 200_000 + "b",
    "sizes": "x\nSteps: 1, Size: " + "9" * 5_000 + "x" + "9" * 5_000,
}


@pytest.mark.parametrize("name", INFOTEXTS)
def test_attack_22_infotexts(door: Door, name: str) -> None:
    assert door_answer(door, {**ASKED, "infotext": INFOTEXTS[name]}) in (200, 422)
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", INFOTEXTS[name])
    picture = png(8, 8, zeros(16), *chunks_of(info))
    with little_work(door):
        answer = door.client.post(f"{S}/png-info", json={"image": picture})
    assert answer.status_code in (200, 422)


BODIES = {
    "deep lists": b"[" * 100_000,
    "deep lists, closed": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep in a field": b'{"override_settings":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "deep but allowed": b'{"script_args":' + b"[" * 900 + b"]" * 900 + b"}",
    "many keys": b"{" + b",".join(b'"k%d":1' % n for n in range(300_000)) + b"}",
    "invalid UTF-8": b'{"prompt": "\xff\xfe"}',
    "half surrogate": b'{"prompt": "\\ud800"}',
    "UTF-16": '{"prompt": "x"}'.encode("utf-16"),
    "long number": b'{"steps": ' + b"9" * 100_000 + b"}",
    "NUL": b'{"prompt": "\x00"}',
    "nothing": b"",
    "cut off": b'{"prompt": "x',
    "a number": b"7",
    "null": b"null",
    "a text": b'"x"',
    "a list": b"[]",
    "two values": b"{} {}",
}


@pytest.mark.parametrize("path", ["txt2img", "options", "png-info", "extra-batch-images", "interrogate"])
@pytest.mark.parametrize("name", BODIES)
def test_attack_23_bodies(door: Door, name: str, path: str) -> None:
    answer = sent(door, f"{S}/{path}", content=BODIES[name], headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500 or name in ("many keys", "deep but allowed")


def test_attack_23_the_last_of_two_keys_counts(door: Door) -> None:
    body = json.dumps(ASKED)[:-1] + ', "steps": 1, "steps": 2}'
    answer = sent(door, f"{S}/txt2img", content=body, headers={"Content-Type": "application/json"})
    assert answer.json()["parameters"]["steps"] == 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_attack_23_bodies_are_not_unpacked(door: Door, encoding: str) -> None:
    bomb = gzip.compress(b'{"prompt": "' + b"x" * (100 << 20) + b'"}', 9)
    answer = sent(
        door, f"{S}/txt2img", content=bomb,
        headers={"Content-Type": "application/json", "Content-Encoding": encoding},
    )  # fmt: skip
    assert answer.status_code in (415, 422)


def test_attack_23_requests_that_never_end_hold_nobody_up(door: Door) -> None:
    held = [leave_open(door, {}) for _ in range(3)]
    try:
        assert sent(door, f"{S}/txt2img", ASKED).status_code == 200
    finally:
        for connection in held:
            connection.close()
