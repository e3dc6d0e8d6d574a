"""Wait for a job without holding a thread, and let go of it when its client goes away."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from fastapi import Request

from adapters.http.stopping import stopping_of
from core.domain.errors import NotReady, SerenaError, UnknownJob
from core.domain.job import Job, JobId
from core.ports.driving import ControlJobs, GenerateImages

log = logging.getLogger(__name__)

WAITS = "where it can be asked for again, by its Idempotency-Key or its id, the job waits until then"
STOPS = (
    "Serena stops before this job has ended; where jobs are kept, the same Idempotency-Key leads to it later"
)


class ClientGoneError(Exception):
    """The client closed its connection; nobody reads an answer."""


Submit = Callable[[], JobId]


async def job_ended(images: GenerateImages, jobs: ControlJobs, request: Request, submit: Submit) -> Job:
    """The job of ``submit``, which is called outside of the loop, once it has ended.

    Abandons it when the client disconnects (then raises :class:`ClientGoneError`). Raises ``NotReady`` when
    the server ends before the job, ``NoWorker`` when nothing can be drawn for now, ``NotKept`` when nothing
    can be stored.
    """
    async with waiting_for(images, jobs, request, submit) as ended:
        gone = asyncio.create_task(_disconnected(request))
        stops = stopping_of(request).begun()
        gone.add_done_callback(partial(_give_up, ended, ClientGoneError()))
        stops.add_done_callback(partial(_give_up, ended, NotReady(STOPS)))
        try:
            return await ended
        finally:
            gone.cancel()
            stops.cancel()


def _give_up(ended: asyncio.Future[Job], reason: Exception, why: asyncio.Future[None]) -> None:
    if not ended.done() and not why.cancelled():
        ended.set_exception(reason)


@asynccontextmanager
async def waiting_for(
    images: GenerateImages, jobs: ControlJobs, request: Request, submit: Submit
) -> AsyncIterator[asyncio.Future[Job]]:
    """Within, this caller waits for the job of ``submit``, whose end settles the future; so does the
    ``NoWorker`` or ``NotKept`` of an outage, which nobody waits out. Who leaves before the job has ended has
    gone, and it is abandoned; unless the server ends, which is not the job's fault."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Job] = loop.create_future()

    def settle(job: Job) -> None:
        if not ended.done():
            ended.set_result(job)

    def refuse(error: SerenaError) -> None:
        if not ended.done():
            ended.set_exception(type(error)(f"{error}; {WAITS}"))

    def tell(say: Callable[..., None], what: Job | SerenaError) -> None:
        # The loop is closed when the server ended before the job did: nobody waits then.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(say, what)

    waiter = _Waiter(images, jobs, submit, partial(tell, settle))
    try:
        await _to_its_end(waiter.begin)
        # Only then: a request that comes again, for a job that has ended, is answered in an outage too.
        not_unable = jobs.when_unable(partial(tell, refuse))
        try:
            yield ended
        finally:
            not_unable()
    finally:
        if not ended.done() or ended.cancelled() or ended.exception() is not None:
            await _to_its_end(partial(waiter.leave, abandon=not stopping_of(request).has_begun))


class _Waiter:
    """Asks the store, which takes its time: never on the loop."""

    def __init__(
        self, images: GenerateImages, jobs: ControlJobs, submit: Submit, tell: Callable[[Job], None]
    ) -> None:
        self._images = images
        self._jobs = jobs
        self._submit = submit
        self._job_id: JobId | None = None
        self._tell = tell
        self._begun = threading.Event()
        self._forget: Callable[[], None] = lambda: None

    def begin(self) -> None:
        try:
            self._job_id = self._submit()
            self._forget = self._images.when_done(self._job_id, self._tell)
        finally:
            self._begun.set()

    def leave(self, *, abandon: bool) -> None:
        """Also while ``begin`` is not over, when the caller goes at once."""
        self._begun.wait()
        self._forget()
        try:
            if abandon and self._job_id is not None:
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
