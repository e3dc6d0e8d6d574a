"""Wait for a job without holding a thread, and stop it when its client goes away."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

from fastapi import Request

from core.domain.errors import UnknownJob
from core.domain.job import Job, JobId
from core.ports.driving import ControlJobs, GenerateImages


class ClientGoneError(Exception):
    """The client closed its connection; nobody reads an answer."""


async def job_ended(images: GenerateImages, jobs: ControlJobs, request: Request, job_id: JobId) -> Job:
    """The job once it has ended.

    Stops it when the client disconnects (then raises :class:`ClientGoneError`) or when the server shuts down.
    """
    ended = _when_ended(images, job_id)
    gone = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait(
            cast("set[asyncio.Future[Any]]", {ended, gone}), return_when=asyncio.FIRST_COMPLETED
        )
        if not ended.done():
            raise ClientGoneError
        return ended.result()
    finally:
        gone.cancel()
        if not ended.done():
            with suppress(UnknownJob):
                jobs.interrupt(job_id)


def _when_ended(images: GenerateImages, job_id: JobId) -> asyncio.Future[Job]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Job] = loop.create_future()

    def settle(job: Job) -> None:
        if not future.done():
            future.set_result(job)

    def tell(job: Job) -> None:
        # The loop is closed when the server ended before the job did: nobody waits then.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, job)

    images.when_done(job_id, tell)
    return future


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
