"""Wait for a job without holding a thread, and let go of it when its client goes away."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

from fastapi import Request

from adapters.http.stopping import stopping_of
from core.domain.errors import NotReady, SerenaError, UnknownJob
from core.domain.job import Job, JobId
from core.ports.driving import ControlJobs, GenerateImages

log = logging.getLogger(__name__)

STOPS = (
    "Serena stops before this job has ended; where jobs are kept, the same Idempotency-Key leads to it later"
)


class ClientGoneError(Exception):
    """The client closed its connection; nobody reads an answer."""


async def job_ended(images: GenerateImages, jobs: ControlJobs, request: Request, job_id: JobId) -> Job:
    """The job once it has ended.

    Abandons it when the client disconnects (then raises :class:`ClientGoneError`). Raises ``NotReady`` when
    the server ends before the job.
    """
    async with waiting_for(images, jobs, request, job_id) as ended:
        gone = asyncio.create_task(_disconnected(request))
        stops = stopping_of(request).begun()
        try:
            either = cast("set[asyncio.Future[Any]]", {ended, gone, stops})
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return ended.result()
            raise NotReady(STOPS) if stops.done() else ClientGoneError
        finally:
            gone.cancel()
            stops.cancel()


@asynccontextmanager
async def waiting_for(
    images: GenerateImages, jobs: ControlJobs, request: Request, job_id: JobId
) -> AsyncIterator[asyncio.Future[Job]]:
    """Within, this caller waits for the job, whose end settles the future. Who leaves before has gone, and
    the job is abandoned; unless the server ends, which is not the job's fault."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Job] = loop.create_future()

    def settle(job: Job) -> None:
        if not ended.done():
            ended.set_result(job)

    def tell(job: Job) -> None:
        # The loop is closed when the server ended before the job did: nobody waits then.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, job)

    waiter = _Waiter(images, jobs, job_id, tell)
    try:
        await _to_its_end(waiter.begin)
        yield ended
    finally:
        if not ended.done():
            await _to_its_end(partial(waiter.leave, abandon=not stopping_of(request).has_begun))


class _Waiter:
    """Asks the store, which takes its time: never on the loop."""

    def __init__(
        self, images: GenerateImages, jobs: ControlJobs, job_id: JobId, tell: Callable[[Job], None]
    ) -> None:
        self._images = images
        self._jobs = jobs
        self._job_id = job_id
        self._tell = tell
        self._begun = threading.Event()
        self._forget: Callable[[], None] = lambda: None

    def begin(self) -> None:
        try:
            self._forget = self._images.when_done(self._job_id, self._tell)
        finally:
            self._begun.set()

    def leave(self, *, abandon: bool) -> None:
        """Also while ``begin`` is not over, when the caller goes at once."""
        self._begun.wait()
        self._forget()
        try:
            if abandon:
                self._jobs.abandon(self._job_id)
        except UnknownJob:
            log.debug("job %s was forgotten before it was abandoned", self._job_id)
        except SerenaError as error:
            log.warning("job %s could not be abandoned: %s", self._job_id, error)


async def _to_its_end(call: Callable[[], None]) -> None:
    """Outside of the loop, and wholly, although whoever waits for it may be cancelled. The executor takes
    the call at once: a task would be lost with a loop that ends."""
    await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, call))


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
