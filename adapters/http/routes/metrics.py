"""``/metrics``."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from adapters.http.body import router as new_router
from adapters.http.metrics import Metrics


def metrics_router(metrics: Metrics) -> APIRouter:
    router = new_router(tags=["health"])

    @router.get(
        "/metrics",
        summary="Counters and timings, as Prometheus reads them",
        response_class=PlainTextResponse,
    )
    async def read() -> Response:
        return Response(await run_in_threadpool(metrics.render), media_type=CONTENT_TYPE_LATEST)

    return router
