"""One line for each request, in the reference's form."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from urllib.parse import quote, unquote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

LOGGED = ("/sdapi/", "/api/", "/v1/")


class RequestLog:
    """``API <time> <status> <scheme>/<version> <method> <path> <client> <seconds>``; no header, no body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not any(part in scope["path"] for part in LOGGED):
            await self._app(scope, receive, send)
            return
        started, status, job = time.perf_counter(), 0, ""

        async def watched(message: Message) -> None:
            nonlocal status, job
            if message["type"] == "http.response.start":
                status, job = message["status"], unquote(Headers(scope=message).get("x-job-id", ""))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            taken = time.perf_counter() - started
            log.info("API %s", line(scope, status, taken), extra={"job": job})


def line(scope: Scope, status: int, seconds: float) -> str:
    """Quoted, so that a path with line breaks forges no second line."""
    client = (scope.get("client") or ("unknown",))[0]
    protocol = f"{scope.get('scheme', 'http')}/{scope.get('http_version', '1.1')}"
    now = f"{datetime.now():%Y-%m-%d %H:%M:%S.%f}"
    return f"{now} {status} {protocol} {scope['method']} {quote(scope['path'])} {client} {seconds:.4f}"
