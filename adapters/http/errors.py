"""The body and the status of every error, in the reference's shape ``{error, detail, body, errors}``.

What the reference itself raises as an ``HTTPException`` keeps that name and its text in ``detail``; every
other error carries its class name, and its sentence both in ``detail``, which most clients show, and in
``errors``, where the reference puts it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import Scope

from adapters.http.error_shapes import Facts, reference_shape, shape_of
from adapters.http.statuses import INTERNAL, kind_of, public_text, status_of
from adapters.http.statuses import RETRY_SECONDS as RETRY_SECONDS
from core.domain import errors as domain
from core.domain.errors import SerenaError
from core.domain.job import JobError

log = logging.getLogger(__name__)


class PictureRefusedError(domain.InvalidRequest):
    """A picture given by its URL is not fetched. The text is the reference's."""


class NotAlwaysOnError(domain.InvalidRequest):
    """A selectable script stands among those that are always on. The text is the reference's."""

    def __init__(self) -> None:
        super().__init__("Cannot have a selectable script in the always on scripts params")


RAISED_BY_REFERENCE: Mapping[type[SerenaError], str] = {
    domain.InvalidImage: "Invalid encoded image",
    domain.UnknownSampler: "Sampler not found",
    domain.UnknownScheduler: "Scheduler not found",
    domain.InitImageMissing: "Init image not found",
    domain.UnknownScript: "",
    PictureRefusedError: "",
    NotAlwaysOnError: "",
}
"""Errors that go out as ``HTTPException``, with the reference's text; empty: the error's own is that text."""


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """One error answer.

    :ivar kind: the class of the error, where ``error`` has the name that the reference gives it.
    :ivar more: what else is known, for the shapes that have a place for it.
    """

    status: int
    error: str
    detail: str = ""
    errors: str = ""
    kind: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def response(self, scope: Scope | None = None) -> JSONResponse:
        """
        :param scope: of the request that is answered; the API it went to decides the shape of the body.
        """
        facts = Facts(self.status, self.error, self.detail, self.errors, self.kind or self.error, self.more)
        body, headers = shape_of(scope)(facts)
        later = {"Retry-After": str(RETRY_SECONDS)} if self.status in (429, 503) else {}
        queue = {"X-Queue-Length": str(self.more["queue_length"])} if "queue_length" in self.more else {}
        return JSONResponse(body, self.status, {**headers, **later, **queue})


def reply_to(error: BaseException) -> ErrorReply:
    """The answer for an error. The text of one that nobody foresaw stays in the log: it may hold paths."""
    if isinstance(error, domain.QueueFull):
        return replace(_reply(type(error), str(error)), more={"queue_length": error.length})
    if isinstance(error, SerenaError):
        return _reply(type(error), str(error))
    return ErrorReply(500, "InternalServerError", errors=INTERNAL)


def reply_to_job(error: JobError) -> ErrorReply:
    """The answer for a job that failed."""
    kind = kind_of(error)
    if kind is None:
        return ErrorReply(500, error.kind, errors=INTERNAL)
    return _reply(kind, error.message)


def _reply(kind: type[SerenaError], message: str) -> ErrorReply:
    message, status = public_text(kind, message), status_of(kind)
    text = RAISED_BY_REFERENCE.get(kind)
    if text is None:
        return ErrorReply(status, kind.__name__, message, message)
    more = "" if text in ("", message) else message
    return ErrorReply(status, "HTTPException", text or message, more, kind.__name__)


def answer_errors(app: FastAPI) -> None:
    """Make ``app`` answer Serena's errors in this shape."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        reply = reply_to(error)
        if reply.status >= 500:
            log.warning("%s %s: %s", request.method, request.url.path, error)
        return reply.response(request.scope)

    async def answer_unrouted(request: Request, error: Exception) -> Response:
        assert isinstance(error, StarletteHTTPException)
        if shape_of(request.scope) is reference_shape:
            return await http_exception_handler(request, error)
        text = f"{request.method} {request.url.path}: {error.detail}"
        response = ErrorReply(error.status_code, "HTTPException", text, text).response(request.scope)
        response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(SerenaError, answer)
    app.add_exception_handler(StarletteHTTPException, answer_unrouted)
