"""Refuse bodies that are too large, before anything parses them."""

from __future__ import annotations

from fastapi import HTTPException, Request, Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.errors import ErrorReply


class BodyTooLarge(HTTPException):
    """More bytes came than are taken. An ``HTTPException``: FastAPI lets that through while it reads."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        text = f"the request body is larger than {limit} bytes, the most that is taken (http.max_body_mb)"
        self.reply = ErrorReply(413, "RequestEntityTooLarge", text, text)


class BodyLimit:
    """Looks at ``Content-Length`` first and counts what comes, since a chunked body announces nothing."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced[:20]) > self._limit:
            await BodyTooLarge(self._limit).reply.response(scope)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise BodyTooLarge(self._limit)
            return message

        await self._app(scope, counted, send)


async def answer_too_large(request: Request, error: Exception) -> Response:
    """The exception handler of :class:`BodyTooLarge`."""
    assert isinstance(error, BodyTooLarge)
    return error.reply.response(request.scope)
