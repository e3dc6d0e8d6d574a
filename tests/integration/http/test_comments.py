"""What was asked and not done is told in a header; bodies have the reference's keys only."""

from __future__ import annotations

import json

from adapters.http.submitting import LONGEST_COMMENTS, comments_header
from tests.unit.adapters.http.conftest import Client


def test_comments_are_a_json_list_in_a_header(real_client: Client) -> None:
    body = {"prompt": "a cat <lora:Tüte:1>", "steps": 1, "width": 64, "height": 64, "restore_faces": True}
    answer = real_client.post("/sdapi/v1/txt2img", body)
    assert list(answer.json()) == ["images", "parameters", "info"]
    assert json.loads(answer.headers["X-Serena-Comments"]) == [
        "CodeFormer has no weights here, so faces stayed as they were.",
        "There is no LoRA 'Tüte' here; it was left out.",
    ]


def test_without_comments_there_is_no_header(real_client: Client) -> None:
    body = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}
    assert "X-Serena-Comments" not in real_client.post("/sdapi/v1/txt2img", body).headers


def test_a_header_never_gets_too_long() -> None:
    text = comments_header(["é\n" * 1000] * 50)
    assert text.isascii()
    assert "\n" not in text
    assert len(text) <= LONGEST_COMMENTS
    assert json.loads(text)
