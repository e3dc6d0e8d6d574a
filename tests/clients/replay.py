"""Send what a client was seen to send, in its order.

A request may name earlier answers: ``"$models.0.title"`` is the title of the first entry of the answer kept
as ``models``, also inside of a longer text; ``{"$merge": [a, b]}`` is one object made of several.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

RECORDED = Path(__file__).with_name("recorded")
NAME = re.compile(r"\$([a-z0-9_.]+)")


@dataclass(frozen=True)
class Answer:
    """One answer. ``body`` is None when it is no JSON, as of HEAD."""

    status: int
    body: Any
    headers: httpx.Headers

    def __getitem__(self, key: Any) -> Any:
        return self.body[key]


def replay(client: httpx.Client, name: str, **given: Any) -> dict[str, Answer]:
    """The answers by name, each with the status that the recording expects (200 unless it says otherwise).

    :param given: what the client holds itself, such as the picture it works on.
    """
    known: dict[str, Any] = {"null": None, **given}
    answers: dict[str, Answer] = {}
    for step in json.loads((RECORDED / f"{name}.json").read_text("utf-8"))["steps"]:
        answer = send(client, step, known)
        wanted = step.get("status", 200)
        said = f"{step['method']} {step['path']}: {answer.status} {str(answer.body)[:500]}"
        assert answer.status == wanted or (wanted is None and answer.status != 500), said
        answers[step["as"]] = answer
        known[step["as"]] = answer.body
    return answers


def send(client: httpx.Client, step: Mapping[str, Any], known: Mapping[str, Any]) -> Answer:
    body = {"json": filled(step["json"], known)} if "json" in step else {"content": step.get("content")}
    answer = client.request(step["method"], step["path"], headers=step.get("headers"), **body)
    kind = answer.headers.get("content-type", "")
    found = answer.json() if answer.content and "json" in kind else None
    return Answer(answer.status_code, found, answer.headers)


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, dict) and "$merge" in value:
        return {key: item for part in value["$merge"] for key, item in filled(part, known).items()}
    if isinstance(value, dict):
        return {key: filled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    if not isinstance(value, str):
        return value
    whole = NAME.fullmatch(value)
    return looked_up(whole[1], known) if whole else NAME.sub(lambda m: str(looked_up(m[1], known)), value)


def looked_up(path: str, known: Mapping[str, Any]) -> Any:
    found: Any = known
    for key in path.split("."):
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found
