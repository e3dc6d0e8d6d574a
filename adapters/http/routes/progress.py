"""How far the job in progress is, and how to stop it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from adapters.http.wire.progress import ProgressResponse, progress_body
from adapters.http.wire.types import Bool
from core.ports.driving import ControlJobs


def progress_router(jobs: ControlJobs) -> APIRouter:
    router = new_router("/sdapi/v1", ["jobs"])

    @router.get("/progress", response_model=ProgressResponse, summary="How far the running job is")
    async def progress(skip_current_image: Annotated[Bool, Query()] = False) -> Response:
        # A preview may have to be encoded first, hence not on the loop.
        now = await run_in_threadpool(jobs.progress, preview=not skip_current_image)
        return JSONResponse(progress_body(now, datetime.now().astimezone()))

    @router.post("/interrupt", summary="Stop the running job; its unfinished pictures are sent")
    async def interrupt() -> dict[str, str]:
        jobs.interrupt()
        return {}

    @router.post("/skip", summary="Drop the iteration in progress and go on with the next")
    async def skip() -> None:
        jobs.skip()

    return router
