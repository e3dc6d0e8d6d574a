"""How far jobs are, and how to stop them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.http.body import router as new_router
from adapters.http.users import progress_of, running_job, user_of
from adapters.http.wire.progress import ProgressResponse, progress_body
from adapters.http.wire.types import Bool
from core.ports.driving import ControlJobs


def progress_router(jobs: ControlJobs) -> APIRouter:
    router = new_router("/sdapi/v1", ["jobs"])

    @router.get("/progress", response_model=ProgressResponse, summary="How far the running job is")
    async def progress(request: Request, skip_current_image: Annotated[Bool, Query()] = False) -> Response:
        # A preview may have to be encoded first, hence not on the loop.
        now = await run_in_threadpool(progress_of, jobs, user_of(request), not skip_current_image)
        return JSONResponse(progress_body(now, datetime.now().astimezone()))

    @router.post("/interrupt", summary="Stop the running job; its unfinished pictures are sent")
    async def interrupt(request: Request) -> dict[str, str]:
        await run_in_threadpool(stop_current, jobs, user_of(request))
        return {}

    @router.post("/skip", summary="Drop the iteration in progress and go on with the next")
    async def skip(request: Request) -> None:
        await run_in_threadpool(skip_current, jobs, user_of(request))

    return router


def stop_current(jobs: ControlJobs, user: str | None) -> None:
    """Without passwords the job that runs, as in the reference; with them the caller's own only."""
    if user is None:
        jobs.interrupt()
    elif (mine := running_job(jobs, user)) is not None:
        jobs.interrupt(mine)


def skip_current(jobs: ControlJobs, user: str | None) -> None:
    if user is None:
        jobs.skip()
    elif (mine := running_job(jobs, user)) is not None:
        jobs.skip(mine)
