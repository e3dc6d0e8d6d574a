"""``/api/v1/jobs/{id}/events``: a job as server-sent events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from adapters.http.api_v1.events import EventHub, has_ended
from adapters.http.api_v1.finding import Finder
from adapters.http.body import router as new_router
from adapters.http.stopping import stopping_of
from adapters.http.wire.jobs import JobView
from core.domain.job import Job

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""The second asks a proxy of the nginx kind to hand on each event at once."""

LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="id of the last event you have; what came since is sent"),
]
STREAM = "text/event-stream"
EXAMPLE = 'id: 3560000000000\nevent: progress\ndata: {"id": "…", "state": "running", "fraction": 0.25}\n\n'


def events_router(hub: EventHub, finder: Finder) -> APIRouter:
    router = new_router("/api/v1/jobs", ["own API"])

    @router.get(
        "/{job_id}/events",
        response_class=Response,
        responses={
            200: {"content": {STREAM: {"schema": {"type": "string"}, "example": EXAMPLE}}},
            204: {"description": "You have seen the end"},
        },
        summary="A job as it goes on: server-sent events",
    )
    async def events(job_id: str, request: Request, last_event_id: LastEventId = None) -> Response:
        job = await run_in_threadpool(finder.find, request, job_id)
        seen = int(last_event_id) if last_event_id and _is_id(last_event_id) else None
        if job.state.is_final and has_ended(seen):
            # Anything else makes a browser ask again and again.
            return Response(status_code=204)

        def render(ended: Job) -> JobView:
            return finder.view(request, ended)

        stopping = stopping_of(request)
        chunks = hub.follow(job, seen, render, lambda: stopping.has_begun)
        return StreamingResponse(chunks, headers=HEADERS, media_type=STREAM)

    return router


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
