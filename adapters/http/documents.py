"""The OpenAPI document, and a page that shows it without asking anybody else's server for anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse

from adapters.http.api_v1.documents import describe_own
from adapters.http.examples import EXAMPLES
from adapters.http.openai.documents import describe_openai
from adapters.http.wire.flags import DEFAULTS
from core.domain.options import OptionSpec
from core.ports.driving import EditOptions

PAGE = Path(__file__).with_name("docs.html")
API_VERSION = "1"
DESCRIPTION = "Draw pictures from prompts. The names, defaults and answers are those of `/sdapi/v1`."


def add_documents(api: FastAPI, options: EditOptions) -> None:
    """``/openapi.json`` and ``/docs``. The document is made when it is first asked for."""
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            made.update(describe(api, options))
        return made

    api.openapi = document  # type: ignore[method-assign]

    @api.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(document())

    @api.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        text, policy = page()
        return HTMLResponse(text, headers={"Content-Security-Policy": policy})


@cache
def page() -> tuple[str, str]:
    """The page, and a policy that lets nothing run on it but its own script."""
    text = PAGE.read_text(encoding="utf-8")
    script, style = _inside(text, "script"), _inside(text, "style")
    own = f"script-src '{_hash(script)}'; style-src '{_hash(style)}'; connect-src 'self'; img-src data:"
    return text, f"default-src 'none'; {own}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def _inside(text: str, tag: str) -> str:
    return text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def describe(api: FastAPI, options: EditOptions) -> dict[str, Any]:
    """What FastAPI knows of the routes, and the schemas that depend on what is installed."""
    document: dict[str, Any] = get_openapi(
        title=api.title, version=API_VERSION, description=DESCRIPTION, routes=api.routes
    )
    schemas = document["components"]["schemas"]
    schemas["Options"] = _object({spec.name: option_schema(spec) for spec in options.specs()})
    schemas["Flags"] = _object({name: {"default": value} for name, value in DEFAULTS.items()})
    schemas["Error"] = _object({name: {"type": "string"} for name in ("error", "detail", "body", "errors")})
    _answer(document, "/sdapi/v1/options", "Options")
    _answer(document, "/sdapi/v1/cmd-flags", "Flags")
    for (method, path), example in EXAMPLES.items():
        body = document["paths"][path][method]["requestBody"]["content"]["application/json"]
        body["example"] = example
    describe_own(document)
    describe_openai(document)
    for operation in _operations(document):
        operation["responses"].setdefault("default", _error())
    return document


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties)}


def _answer(document: dict[str, Any], path: str, schema: str) -> None:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    document["paths"][path]["get"]["responses"]["200"]["content"] = content


def _error() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": "What was wrong, in one sentence", "content": content}


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in document["paths"].values() for operation in item.values()]


_TYPES: Mapping[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", tuple: "array"}


def option_schema(spec: OptionSpec) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "default": list(spec.default) if isinstance(spec.default, tuple) else spec.default
    }
    if (kind := _TYPES.get(type(spec.default))) is not None:
        schema["type"] = kind
    if kind == "array":
        schema["items"] = {"type": "string"}
    if spec.choices:
        schema["enum"] = list(spec.choices)
    limits = {"minimum": spec.minimum, "maximum": spec.maximum}
    return {**schema, **{name: value for name, value in limits.items() if value is not None}}
