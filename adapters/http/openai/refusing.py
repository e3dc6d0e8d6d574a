"""Errors of the routes below ``/v1``: OpenAI's body, with the field that was wrong where one was."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from adapters.http.body import StrictRoute
from adapters.http.error_shapes import openai_error
from adapters.http.errors import RETRY_SECONDS, ErrorReply, reply_to
from core.domain import errors as domain
from core.domain.errors import SerenaError

log = logging.getLogger(__name__)

PARAMS: Mapping[type[SerenaError], str] = {
    domain.UnknownModel: "model",
    domain.UnknownSampler: "sampler_name",
    domain.UnknownScheduler: "scheduler",
    domain.InvalidImage: "image",
    domain.InitImageMissing: "image",
}
NOT_FOUND = "model_not_found"
MISSING = "missing_required_parameter"
INVALID = "invalid_value"
RATE = "rate_limit_exceeded"


def refuse(error: SerenaError) -> JSONResponse:
    """The answer for an error of ours."""
    reply = reply_to(error)
    status = 400 if reply.status == 422 and not isinstance(error, domain.KeyReused) else reply.status
    param = getattr(error, "field", None) or next(
        (name for kind, name in PARAMS.items() if isinstance(error, kind)), None
    )
    return _response(status, text_of(reply), param, _code(error, status, param))


def _code(error: SerenaError, status: int, param: str | None) -> str | None:
    if isinstance(error, domain.UnknownModel):
        return NOT_FOUND
    if status == 429:
        return RATE
    return INVALID if param else None


def text_of(reply: ErrorReply) -> str:
    return reply.errors or reply.detail or reply.error


def refuse_fields(errors: Sequence[Mapping[str, Any]]) -> JSONResponse:
    """The answer for a body that does not fit; it tells of the first field."""
    first = errors[0]
    param = ".".join(str(part) for part in first["loc"] if part != "body") or None
    if first["type"] == "json_invalid":
        return _response(400, f"the body is no JSON: {first['ctx']['error']}", None, None)
    if first["type"] == "missing":
        what = repr(param) if param else "the body"
        return _response(400, f"Missing required parameter: {what}.", param, MISSING)
    return _response(400, f"Invalid value for {param!r}: {first['msg']}.", param, INVALID)


def _response(status: int, message: str, param: str | None, code: str | None) -> JSONResponse:
    body, headers = openai_error(status, message, param, code)
    later = {"Retry-After": str(RETRY_SECONDS)} if status in (429, 503) else {}
    return JSONResponse(body, status, {**headers, **later})


class OpenAIRoute(StrictRoute):
    """A route whose refusals have this shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except (RequestValidationError, ValidationError) as error:
                return refuse_fields(error.errors())
            except SerenaError as error:
                response = refuse(error)
                if response.status_code >= 500:
                    log.warning("%s %s: %s", request.method, request.url.path, error)
                return response

        return handle


def router() -> APIRouter:
    """An empty router of such routes."""
    return APIRouter(prefix="/v1", route_class=OpenAIRoute, tags=["openai"])
