"""``/api/v1/queue``: how many jobs there are, and how long they are kept."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.wire.jobs import QueueView, Retention
from core.ports.driving import ControlJobs


def queue_router(jobs: ControlJobs, retention: Retention) -> APIRouter:
    router = new_router("/api/v1", ["own API"])

    @router.get("/queue", summary="How many jobs there are, and how long ended ones are kept")
    async def queue() -> QueueView:
        now = await run_in_threadpool(jobs.queue)
        counts = {state.value: count for state, count in now.counts.items()}
        return QueueView(
            counts=counts, limit=now.limit, draining=now.draining, outage=now.outage, retention=retention
        )

    return router
