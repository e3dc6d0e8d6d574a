"""Serve below a path, whether the proxy in front takes it away or leaves it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Subpath:
    """Tells the routes which part of the path is not theirs."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = "/" + prefix.strip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            whole = path if (path + "/").startswith(self._prefix + "/") else self._prefix + path
            scope = {**scope, "root_path": self._prefix, "path": whole, "raw_path": whole.encode()}
        await self._app(scope, receive, send)
