from __future__ import annotations

import base64
from typing import Any

import httpx

from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.conftest import client as client
from tests.unit.adapters.http.conftest import client_with as client_with
from tests.unit.adapters.http.conftest import fake as fake
from tests.unit.adapters.http.fakes import PNG

JOBS = "/api/v1/jobs"
PICTURE = base64.b64encode(PNG).decode()
ALL_KINDS: dict[str, dict[str, Any]] = {
    "txt2img": {"prompt": "a cat"},
    "img2img": {"prompt": "a cat", "init_images": [PICTURE]},
    "extras": {"image": PICTURE},
    "interrogate": {"image": PICTURE},
}


def submitted(client: Client, kind: str = "txt2img", **more: Any) -> dict[str, Any]:
    """A job that was taken."""
    headers = more.pop("headers", {})
    body = {"kind": kind, "request": ALL_KINDS[kind], **more}
    answer = client.post(JOBS, body, headers=headers)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem that an answer is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["code"] == code
    assert found["status"] == status
    assert found["type"] == f"urn:serena:problem:{code}"
    assert found["title"]
    assert found["detail"]
    return found
