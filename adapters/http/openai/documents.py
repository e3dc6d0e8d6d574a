"""What the OpenAI images API adds to the OpenAPI document: its errors."""

from __future__ import annotations

from typing import Any

PREFIX = "/v1/"
SCHEMA = "OpenAIError"
EXAMPLE = {
    "error": {
        "message": "Invalid value for 'n': Input should be greater than or equal to 1.",
        "type": "invalid_request_error",
        "param": "n",
        "code": "invalid_value",
    }
}


def describe_openai(document: dict[str, Any]) -> None:
    """Every operation below ``/v1`` answers errors in OpenAI's shape, with a 400 for what does not fit."""
    text = {"type": "string"}
    maybe = {"anyOf": [text, {"type": "null"}]}
    fields = {"message": text, "type": text, "param": maybe, "code": maybe}
    inner = {"type": "object", "properties": fields, "required": list(fields)}
    document["components"]["schemas"][SCHEMA] = {
        "type": "object",
        "properties": {"error": inner},
        "required": ["error"],
    }
    for path, item in document["paths"].items():
        if path.startswith(PREFIX):
            for operation in item.values():
                operation["responses"].pop("422", None)
                operation["responses"]["default"] = _error()


def _error() -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{SCHEMA}"}
    content = {"application/json": {"schema": schema, "example": EXAMPLE}}
    return {"description": "What was wrong, in one sentence", "content": content}
