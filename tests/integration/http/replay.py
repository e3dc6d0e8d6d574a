"""The reference's recorded answers to odd requests, and how an answer is compared with one."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import httpx

from tests.unit.adapters.http.conftest import Client

API = Path("contracts/api")
CASES = json.loads((API / "recorded_errors.json").read_text())
DIFFERENCES = {row["case"]: row for row in json.loads((API / "differences.json").read_text())}
PICTURE = (
    "data:image/png;base64," + base64.b64encode((API / "recorded/img2img_basic.png").read_bytes()).decode()
)
PLAIN = {"prompt": "a cat", "width": 64, "height": 64, "steps": 1, "seed": 1, "sampler_name": "Euler"}
TELLING = ("randn_source", "CLIP_stop_at_last_layers", "eta_noise_seed_delta")

_OURS = re.compile(r", Model hash: .*")
_SEED = re.compile(r"Seed: \d+")


def ask(client: Client, case: dict[str, Any]) -> httpx.Response:
    """Send the request of a case. Pictures were cut in the recording and are put back."""
    path, request = _path(case["path"]), case.get("request")
    if case["method"] != "POST":
        return client.ask(case["method"], path)
    if isinstance(request, str):
        return client.post(path, content=request.encode(), headers={"content-type": "application/json"})
    if request is None:
        request = PLAIN
    return client.post(
        path, content=json.dumps(_filled(request)), headers={"content-type": "application/json"}
    )


def _path(path: str) -> str:
    if path.startswith("http"):
        return "/" + path.split("/", 3)[3]
    return path if path.startswith("/") else f"/sdapi/v1/{path}"


def _filled(value: Any) -> Any:
    if isinstance(value, str):
        return PICTURE if value.endswith("chars>") else value
    if isinstance(value, list):
        return [_filled(item) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}
    return value


def shown(answer: httpx.Response) -> Any:
    """The body of an answer in the form in which the recording holds it."""
    if not answer.headers.get("content-type", "").startswith("application/json") or not answer.content:
        return answer.text[:30].lower().lstrip().partition("\n")[0]
    body = answer.json()
    if isinstance(body, dict) and "infotexts" in str(body.get("info")):
        return {"images": len(body["images"]), "info": json.loads(body["info"])["infotexts"]}
    return body


def comparable(body: Any) -> Any:
    """``body`` without what no two servers share: model, version, random seeds, the clock, pictures."""
    if isinstance(body, str):
        return body[:30].lower().lstrip().partition("\n")[0]
    if isinstance(body, list):
        return {"images": len(body), "info": [_plain(text) for text in body]}
    if not isinstance(body, dict):
        return body
    if "state" in body:
        return sorted(body) + sorted(body["state"])
    if "randn_source" in body:
        return {key: body[key] for key in TELLING}
    if "info" in body and "images" in body:
        return {"images": body["images"], "info": [_plain(text) for text in body["info"]]}
    return {key: value for key, value in body.items() if key not in ("image", "images")}


def _plain(text: str) -> str:
    """Seed 1 is the one that requests choose; every other one is random, or a matter of the core's tests."""
    short = _OURS.sub("", text)
    return short if "Seed: 1," in short else _SEED.sub("Seed: *", short)
