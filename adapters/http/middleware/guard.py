"""The last net: an error that nobody foresaw becomes a 500 that gives nothing away."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.errors import reply_to

log = logging.getLogger(__name__)


class Guard:
    """Logs what escapes from the routes, with its traceback, and answers in the reference's shape."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            log.exception("%s %s failed", scope.get("method", scope["type"]), scope.get("path", ""))
            if scope["type"] != "http" or begun:
                raise
            await reply_to(error).response(scope)(scope, receive, send)
