"""Texts that would like to be more than texts (C.2, 26 and 28)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.clients.conftest import ASKED
from tests.clients.pictures import decoded
from tests.clients.servers import Door

S = "/sdapi/v1"
FORGED = (
    "cat\nSteps: 1, Sampler: Nobody, Seed: 1, Size: 8x8",
    "cat\nNegative prompt: forged\nSteps: 1, Sampler: Nobody",
    'cat, Steps: 1, "Seed": 1',
    "cat\r\nSteps: 1",
    "cat\u2028Steps: 1, Seed: 1",
    "cat\x1b[31mred\x1b[0m\x07",
    "cat\x85Steps: 1",
    "cat\tdog\\n\\u0041",
    "猫 🐈 ‮tac",
)
FIELDS = ("prompt", "negative_prompt")


def draw(door: Door, **fields: Any) -> Any:
    return door.post(f"{S}/txt2img", {**ASKED, **fields})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", FORGED, ids=ascii)
def test_attack_26_prompts_stay_prompts(door: Door, text: str, field: str) -> None:
    drawn = draw(door, **{field: text})
    info = json.loads(drawn["info"])
    assert info[field] == text.strip() or info[field] == text
    assert (info["steps"], info["seed"]) == (ASKED["steps"], ASKED["seed"])
    written = decoded(drawn["images"][0]).info["parameters"]
    assert written == info["infotexts"][0]
    read = door.post(f"{S}/png-info", {"image": drawn["images"][0]})
    assert read["info"] == written
    assert read["parameters"]["Seed"] == str(ASKED["seed"])
    assert read["parameters"]["Steps"] == str(ASKED["steps"])


LINE = "2026-01-01 00:00:00,000 INFO serena: forged"


def test_attack_26_no_line_of_the_log_is_forged(door: Door) -> None:
    texts = (f"x\n{LINE}", f"x\r\n{LINE}", f"x\r{LINE}", f"x\x1b[2K{LINE}", f"x\u2028{LINE}")
    for text in texts:
        draw(door, prompt=text)
        for body in (
            {**ASKED, "sampler_name": text},
            {**ASKED, "script_name": text},
            {**ASKED, "force_task_id": f"task({text})"},
            {**ASKED, "override_settings": {"sd_model_checkpoint": text}},
            {**ASKED, "override_settings": {text: 1}},
            {**ASKED, "styles": [text], "prompt": f"<lora:{text}:1>"},
        ):
            assert door.client.post(f"{S}/txt2img", json=body).status_code != 500
        door.client.post(f"{S}/options", json={text: 1})
        door.client.get(httpx.URL(door.url).copy_with(raw_path=f"{S}/x%0d%0a2026-01-01%20forged".encode()))
    log = door.log()
    assert [line for line in log.splitlines() if line.startswith("2026-01-01")] == []
    assert "\x1b" not in log


@pytest.mark.parametrize("name", ["x\r\nX-Forged: 1", "x\nSet-Cookie: a=b", "x\x00", "ü" * 50, "\u2028"])
def test_attack_26_no_header_of_an_answer_is_forged(door: Door, name: str) -> None:
    answer = door.client.post(f"{S}/txt2img", json={**ASKED, "force_task_id": f"{name}{id(name)}"})
    assert answer.status_code in (200, 409, 422)
    assert not {"x-forged", "set-cookie"} & set(answer.headers)


EVALUATED = (
    "py:__import__('os').system('touch {canary}')",
    "{{{{7*7777}}}} {{% raw %}} ${{7*7777}} <%= 7*7777 %>",
    "{{0.__class__.__mro__}} {{prompt.__globals__}} %(prompt)s %s",
    "`touch {canary}` $(touch {canary}) ; touch {canary} | touch {canary}",
    "__import__('pathlib').Path('{canary}').touch()",
    "[seed] [prompt] [datetime<%Y>] {{seed}} [model_hash]",
    "<lora:__import__('os'):1> [a:b:__import__('os')] (a:1+1) (a:9**9**9)",
)
TEXTS = (
    "prompt",
    "negative_prompt",
    "hr_prompt",
    "sampler_name",
    "script_name",
    "scheduler",
    "force_task_id",
)


@pytest.mark.parametrize("pattern", EVALUATED, ids=range(len(EVALUATED)))
def test_attack_28_texts_are_never_evaluated(door: Door, pattern: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    text = pattern.format(canary=canary)
    for field in TEXTS:
        body = {**ASKED, field: text, "save_images": True, "enable_hr": True, "denoising_strength": 0.5}
        answer = door.client.post(f"{S}/txt2img", json=body)
        assert answer.status_code in (200, 400, 409, 422), answer.text
        assert "54439" not in answer.text
        assert "<class" not in answer.text
    drawn = draw(door, prompt=text)
    assert json.loads(drawn["info"])["prompt"] == text.strip()
    assert drawn["parameters"]["prompt"] == text
    for body in (
        {"styles": [text]},
        {"override_settings": {"samples_filename_pattern": text}, "save_images": True},
    ):
        answer = door.client.post(f"{S}/txt2img", json={**ASKED, **body})
        assert answer.status_code in (200, 422), answer.text
    assert not canary.exists()
