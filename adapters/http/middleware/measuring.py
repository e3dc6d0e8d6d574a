"""How long each answer took, by route."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNKNOWN = "none"
"""The route of a request that reached none: refused before, or for a path that there is not."""

Answered = Callable[[str, str, int, float], None]
"""Takes method, route, status and seconds."""


class Measuring:
    """Tells ``answered`` of every request once its answer is sent."""

    def __init__(self, app: ASGIApp, answered: Answered) -> None:
        self._app = app
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route", None), "path", UNKNOWN)
            self._answered(scope["method"], route, status, time.perf_counter() - began)
