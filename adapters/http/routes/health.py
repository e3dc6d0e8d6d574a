"""Whether the process lives, and whether it can draw."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from adapters.http.errors import RETRY_SECONDS
from core.ports.driving import ReportHealth


def health_router(health: ReportHealth) -> APIRouter:
    router = new_router("/health", ["health"])

    @router.get("/live", summary="Whether the process answers")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/ready", summary="Whether a request would be drawn now; 503 and the reason if not")
    async def ready() -> JSONResponse:
        able, reason = await run_in_threadpool(health.ready)
        if able:
            return JSONResponse({"ready": True, "reason": reason})
        return JSONResponse({"ready": False, "reason": reason}, 503, {"Retry-After": str(RETRY_SECONDS)})

    return router
