"""``X-Process-Time`` on every answer."""

from __future__ import annotations

import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ProcessTime:
    """Adds the seconds from the request's arrival to the first byte of the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                taken = time.perf_counter() - started
                MutableHeaders(scope=message)["X-Process-Time"] = f"{taken:.4f}"
            await send(message)

        await self._app(scope, receive, stamped)
