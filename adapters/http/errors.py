"""The body and the status of every error, in the reference's shape ``{error, detail, body, errors}``.

What the reference itself raises as an ``HTTPException`` keeps that name and its text in ``detail``; every
other error carries its class name, and its sentence both in ``detail``, which most clients show, and in
``errors``, where the reference puts it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

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


RETRY_SECONDS = 5

STATUS: Mapping[type[SerenaError], int] = {
    domain.InvalidRequest: 422,
    domain.UnknownSampler: 400,
    domain.UnknownScheduler: 400,
    domain.UnknownModel: 404,
    domain.InitImageMissing: 404,
    domain.UnknownJob: 404,
    domain.JobConflict: 409,
    domain.Interrupted: 409,
    domain.UnusableName: 422,
    domain.QueueFull: 429,
    domain.NotReady: 503,
}
"""By class; a subclass has the status of its nearest base, and what is not listed has 500."""

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

INTERNAL = "Serena failed while it handled this request; its log says why"

_ABSOLUTE = re.compile(r"""'(?:/|[A-Za-z]:)[^']*'|"(?:/|[A-Za-z]:)[^"]*\"""")

_KINDS = {kind.__name__: kind for kind in vars(domain).values() if isinstance(kind, type)}


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """One error answer."""

    status: int
    error: str
    detail: str = ""
    errors: str = ""

    def response(self) -> JSONResponse:
        body = {"error": self.error, "detail": self.detail, "body": "", "errors": self.errors}
        later = {"Retry-After": str(RETRY_SECONDS)} if self.status in (429, 503) else None
        return JSONResponse(body, self.status, later)


def reply_to(error: BaseException) -> ErrorReply:
    """The answer for an error. The text of one that nobody foresaw stays in the log: it may hold paths."""
    if isinstance(error, SerenaError):
        return _reply(type(error), str(error))
    return ErrorReply(500, "InternalServerError", errors=INTERNAL)


def reply_to_job(error: JobError) -> ErrorReply:
    """The answer for a job that failed."""
    kind = _KINDS.get(error.kind)
    if kind is None or not issubclass(kind, SerenaError):
        return ErrorReply(500, error.kind, errors=INTERNAL)
    return _reply(kind, error.message)


def _reply(kind: type[SerenaError], message: str) -> ErrorReply:
    if kind is domain.StorageError:
        # Where a server keeps its files is nobody's business; the log has the path.
        message = _ABSOLUTE.sub("a file of the server", message)
    text = RAISED_BY_REFERENCE.get(kind)
    if text is None:
        return ErrorReply(_status(kind), kind.__name__, message, message)
    more = "" if text in ("", message) else message
    return ErrorReply(_status(kind), "HTTPException", text or message, more)


def _status(kind: type[SerenaError]) -> int:
    return next((STATUS[base] for base in kind.__mro__ if base in STATUS), 500)


def answer_errors(app: FastAPI) -> None:
    """Make ``app`` answer Serena's errors in this shape."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        reply = reply_to(error)
        if reply.status >= 500:
            log.warning("%s %s: %s", request.method, request.url.path, error)
        return reply.response()

    app.add_exception_handler(SerenaError, answer)
