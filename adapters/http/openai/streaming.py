"""Server-sent events of one job, as the images API has them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from adapters.http.error_shapes import openai_error
from adapters.http.errors import reply_to
from adapters.http.openai.answering import Load, completed_events, quality_of
from adapters.http.openai.partials import Milestone, Milestones
from adapters.http.openai.refusing import text_of
from adapters.http.openai.wire import ImageBody
from adapters.http.pictures import encode_picture
from adapters.http.stopping import stopping_of
from adapters.http.waiting import STOPS
from core.domain.errors import NotReady, SerenaError, UnknownJob
from core.domain.job import Job, JobId, JobState
from core.domain.request import GenerationRequest
from core.ports.driving import ControlJobs

LOOK_SECONDS = 0.05
"""Between two looks at how far a job is."""
QUEUED_SECONDS = 0.5
"""The same while others are before it."""
BEAT_SECONDS = 15.0
BEAT = b": still drawing\n\n"


class PictureStream:
    """The events of one call.

    :param kind: ``image_generation`` or ``image_edit``.
    :param beat: seconds without an event after which a comment is sent, so that nothing on the way takes the
        connection for dead.
    """

    def __init__(
        self,
        jobs: ControlJobs,
        load: Load,
        body: ImageBody,
        request: GenerationRequest,
        kind: str,
        beat: float = BEAT_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jobs = jobs
        self._load = load
        self._body = body
        self._request = request
        self._kind = kind
        self._beat = beat
        self._now = now
        self._look_at = now()

    async def events(
        self, job_id: JobId, ended: asyncio.Future[Job], request: Request
    ) -> AsyncIterator[bytes]:
        """Unfinished pictures while the job runs, then the finished ones, or one event of the error. Nothing
        more once the client of ``request`` has gone."""
        stopping = stopping_of(request)
        milestones = Milestones(self._request.n_iter, self._body.partial_images or 0)
        last = self._now()
        while not ended.done():
            if await request.is_disconnected():
                return
            if stopping.has_begun:
                yield encode_event(error_event(NotReady(STOPS)))
                return
            event = await self._partial(job_id, milestones)
            if event is not None or self._now() - last > self._beat:
                last = self._now()
                yield BEAT if event is None else encode_event(event)
            await asyncio.wait({ended}, timeout=LOOK_SECONDS)
        try:
            finished = await run_in_threadpool(
                completed_events, ended.result(), self._body, self._load, self._kind
            )
        except SerenaError as error:
            finished = [error_event(error)]
        for event in finished:
            yield encode_event(event)

    async def _partial(self, job_id: JobId, milestones: Milestones) -> Mapping[str, Any] | None:
        if not milestones.are_left or self._now() < self._look_at:
            return None
        try:
            now = await run_in_threadpool(self._jobs.progress, job_id)
            if now.state is not JobState.RUNNING:
                # The next in turn may run at any moment, and its first pictures are not to be missed.
                self._look_at = self._now() + (QUEUED_SECONDS if now.position else 0.0)
                return None
            if (due := milestones.reached(now)) is None:
                return None
            preview = (await run_in_threadpool(self._jobs.progress, job_id, preview=True)).preview
        except UnknownJob:  # ended, and forgotten at once
            return None
        return None if preview is None else self._partial_event(due, preview)

    def _partial_event(self, due: Milestone, preview: bytes) -> Mapping[str, Any]:
        return {
            "type": f"{self._kind}.partial_image",
            "b64_json": encode_picture(preview),
            "partial_image_index": due.index,
            "background": "opaque",
            "created_at": int(time.time()),
            "output_format": self._body.output_format or "png",
            "quality": quality_of(self._body),
            "size": f"{self._request.width}x{self._request.height}",
        }


def error_event(error: SerenaError) -> dict[str, Any]:
    reply = reply_to(error)
    return {"type": "error", **openai_error(reply.status, text_of(reply))[0]}


def encode_event(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
