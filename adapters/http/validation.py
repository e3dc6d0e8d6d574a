"""422 bodies as pydantic 1 wrote them, made from what pydantic 2 found.

Types and texts of most fields come ready from :mod:`adapters.http.wire.types`; the table has the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from adapters.http.error_shapes import reference_shape, shape_of
from adapters.http.errors import ErrorReply
from adapters.http.wire.problems import pointer_of

Ctx = Mapping[str, Any]
_Line = tuple[str, Callable[[Ctx], str]]


def _fixed(text: str) -> Callable[[Ctx], str]:
    return lambda ctx: text


_NOT_A_MAPPING: _Line = ("type_error.dict", _fixed("value is not a valid dict"))

TRANSLATION: Mapping[str, _Line] = {
    "missing": ("value_error.missing", _fixed("field required")),
    "model_type": _NOT_A_MAPPING,
    "model_attributes_type": _NOT_A_MAPPING,
    "dict_type": _NOT_A_MAPPING,
    "list_type": ("type_error.list", _fixed("value is not a valid list")),
    "string_type": ("type_error.str", _fixed("str type expected")),
    "greater_than_equal": (
        "value_error.number.not_ge",
        lambda ctx: f"ensure this value is greater than or equal to {ctx['ge']:g}",
    ),
    "greater_than": (
        "value_error.number.not_gt",
        lambda ctx: f"ensure this value is greater than {ctx['gt']:g}",
    ),
    "less_than_equal": (
        "value_error.number.not_le",
        lambda ctx: f"ensure this value is less than or equal to {ctx['le']:g}",
    ),
    "less_than": ("value_error.number.not_lt", lambda ctx: f"ensure this value is less than {ctx['lt']:g}"),
}
"""Error type of pydantic 2: the type that pydantic 1 gave it, and its text."""


def v1_error(error: Mapping[str, Any], document: Any) -> dict[str, Any]:
    """One entry of ``detail``."""
    if error["type"] == "json_invalid":
        return _malformed(error, document)
    kind, text = TRANSLATION.get(error["type"], (error["type"], _fixed(error["msg"])))
    return {"loc": list(error["loc"]), "msg": text(error.get("ctx", {})), "type": kind}


def _malformed(error: Mapping[str, Any], document: str) -> dict[str, Any]:
    position = error["loc"][-1]
    found = json.JSONDecodeError(error["ctx"]["error"], document, position)
    where = {"pos": found.pos, "lineno": found.lineno, "colno": found.colno}
    context = {"msg": found.msg, "doc": _near(found), **where}
    return {"loc": list(error["loc"]), "msg": str(found), "type": "value_error.jsondecode", "ctx": context}


def _near(found: json.JSONDecodeError, reach: int = 100) -> str:
    """The document, if short; of a long one (which holds pictures) what is around the fault."""
    document = found.doc
    if len(document) > 2 * reach:
        document = document[max(0, found.pos - reach) : found.pos + reach]
    return document.encode("utf-8", "replace").decode()


def answer_invalid(app: FastAPI) -> None:
    """Make ``app`` answer bodies that do not fit their model in the reference's shape."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        found = [v1_error(entry, error.body) for entry in error.errors()]
        if shape_of(request.scope) is reference_shape:
            return JSONResponse({"detail": found}, 422)
        text = "; ".join(f"{pointer_of(entry['loc'])}: {entry['msg']}" for entry in found)
        return ErrorReply(422, "InvalidRequest", text, text, more={"errors": found}).response(request.scope)

    app.add_exception_handler(RequestValidationError, answer)
