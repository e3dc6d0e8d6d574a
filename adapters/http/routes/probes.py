"""What clients of a web UI ask to see whether it is there. The answers are true and short."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.routes.tasks import count_waiting
from adapters.http.users import user_of
from core.ports.driving import ControlJobs

APP_ID = 1


def probes_router(jobs: ControlJobs) -> APIRouter:
    router = new_router("", ["probes"])

    @router.get("/config", summary="A page without components")
    async def config() -> dict[str, Any]:
        return {"version": "", "mode": "blocks", "components": [], "dependencies": [], "enable_queue": False}

    @router.get("/user", summary="Who calls; null where nobody needs to say")
    async def user(request: Request) -> str | None:
        return user_of(request)

    @router.get("/app_id", summary="The same number always")
    async def app_id() -> dict[str, int]:
        return {"app_id": APP_ID}

    @router.post("/login", summary="Succeeds for whoever gets here: the password went before")
    async def login() -> dict[str, bool]:
        return {"success": True}

    @router.get("/queue/status", summary="How many jobs wait")
    async def queue_status(request: Request) -> dict[str, Any]:
        size = await run_in_threadpool(count_waiting, jobs, user_of(request))
        return {"msg": "estimation", "rank": None, "queue_size": size, "rank_eta": None, "queue_eta": 0}

    return router
