"""What the process was started with."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from adapters.http.wire.flags import flags_body
from adapters.settings import HttpSettings


def flags_router(http: HttpSettings) -> APIRouter:
    router = new_router("/sdapi/v1", ["options"])

    @router.get("/cmd-flags", summary="The reference's flags, with what they are here")
    async def cmd_flags() -> Response:
        return JSONResponse(flags_body(http))

    return router
