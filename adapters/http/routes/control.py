"""Ending the server over HTTP: only where it is switched on, and only for those with a password."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from adapters.http.body import router as new_router
from adapters.http.errors import ErrorReply
from adapters.settings import HttpSettings

HIDDEN = ErrorReply(404, "HTTPException", "Not Found")

Stop = Callable[[], None]


def control_router(http: HttpSettings, stop: Stop) -> APIRouter:
    """The layers have asked for the password already, so ``guarded`` says that there is one."""
    router = new_router("/sdapi/v1", ["server"])
    offered = http.server_control and http.guarded

    @router.post("/server-stop", summary="End when the requests in progress have")
    async def server_stop() -> Response:
        if not offered:
            return HIDDEN.response()
        stop()
        return PlainTextResponse("Stopping.")

    @router.post("/server-kill", summary="End at once")
    async def server_kill() -> Response:
        if not offered:
            return HIDDEN.response()
        stop()
        stop()
        return PlainTextResponse("Stopping.")

    @router.post("/server-restart", summary="Not offered: whatever started the server restarts it")
    async def server_restart() -> Response:
        return Response(status_code=501) if offered else HIDDEN.response()

    return router
