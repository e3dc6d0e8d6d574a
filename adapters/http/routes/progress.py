"""How far jobs are, and how to stop them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from adapters.http.aside import aside
from adapters.http.body import router as new_router
from adapters.http.users import caller_of
from adapters.http.wire.progress import ProgressResponse, progress_body
from adapters.http.wire.types import Bool
from core.ports.driving import ControlJobs


def progress_router(jobs: ControlJobs) -> APIRouter:
    router = new_router("/sdapi/v1", ["jobs"])

    @router.get("/progress", response_model=ProgressResponse, summary="How far the running job is")
    async def progress(request: Request, skip_current_image: Annotated[Bool, Query()] = False) -> Response:
        caller = caller_of(request)
        # A preview may have to be encoded first, hence not on the loop.
        now = await aside(lambda: jobs.progress(caller=caller, preview=not skip_current_image))
        return JSONResponse(progress_body(now, datetime.now().astimezone()))

    @router.post("/interrupt", summary="Stop the caller's running job; its unfinished pictures are sent")
    async def interrupt(request: Request) -> dict[str, str]:
        caller = caller_of(request)
        await aside(lambda: jobs.interrupt(caller=caller))
        return {}

    @router.post("/skip", summary="Drop the iteration in progress and go on with the next")
    async def skip(request: Request) -> None:
        caller = caller_of(request)
        await aside(lambda: jobs.skip(caller=caller))

    return router
