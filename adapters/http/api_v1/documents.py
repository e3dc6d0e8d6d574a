"""What the own API adds to the OpenAPI document: its errors, and examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.http.wire.problems import PROBLEM

PREFIX = "/api/v1/"

PROBLEM_EXAMPLE: Mapping[str, Any] = {
    "type": "urn:serena:problem:unknown-job",
    "title": "Unknown job",
    "status": 404,
    "detail": "job '1f0c' does not exist",
    "code": "unknown-job",
}
JOB_EXAMPLE: Mapping[str, Any] = {
    "id": "5f1d7c0e4b5a4f6c8d2e9a7b3c1f0e6d",
    "kind": "txt2img",
    "state": "queued",
    "url": "/api/v1/jobs/5f1d7c0e4b5a4f6c8d2e9a7b3c1f0e6d",
    "prompt": "a red circle on a blue background",
    "seed": 1,
    "subseed": 2,
    "model": "demo.safetensors [0123456789]",
    "priority": 0,
    "attempts": 0,
    "created_at": "2026-01-02T03:04:05Z",
    "progress": {
        "id": "5f1d7c0e4b5a4f6c8d2e9a7b3c1f0e6d",
        "state": "queued",
        "fraction": 0.0,
        "position": 3,
    },
}


def describe_own(document: dict[str, Any]) -> None:
    """Every operation below ``/api/v1`` answers with problems, and shows what a job looks like."""
    for path, item in document["paths"].items():
        if path.startswith(PREFIX):
            for operation in item.values():
                _describe(operation["responses"])


def _describe(responses: dict[str, Any]) -> None:
    responses["default"] = _problem("What was wrong")
    if "422" in responses:
        responses["422"] = _problem("The request does not fit; errors says where")
    for response in responses.values():
        content = response.get("content", {}).get("application/json")
        if content is not None and content["schema"].get("$ref", "").endswith("/JobView"):
            content["example"] = dict(JOB_EXAMPLE)


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {PROBLEM: {"schema": schema, "example": dict(PROBLEM_EXAMPLE)}}}
