"""The events of jobs, for any number of streams: one task looks, and all streams hear of it.

An event is a snapshot: a reader that is slow gets the newest one and misses those between. Ids grow. That of
the last event of a job is odd and all others are even, so that a reader that comes back can be told that it
has seen the end.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from adapters.http.wire.job_views import progress_view
from core.domain.errors import UnknownJob
from core.domain.job import Job, JobId, JobState
from core.domain.progress import Progress
from core.ports.driving import ControlJobs, GenerateImages

log = logging.getLogger(__name__)

RETRY_MS = 2000
BEAT = b": still here\n\n"

RenderEnd = Callable[[Job], BaseModel]
Stops = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often.

    :ivar look: seconds between two looks at the jobs that run.
    :ivar waiting: how many jobs that wait are looked at each time, in turns.
    :ivar beat: seconds of silence after which a stream gets a comment, so that proxies keep it open.
    """

    look: float = 0.2
    waiting: int = 50
    beat: float = 15.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event, ready to be sent. ``text`` is None where the job is gone: the stream just ends."""

    id: int
    last: bool
    text: bytes | None


@dataclass(slots=True, eq=False)
class Watched:
    """A job that streams follow."""

    progress: Progress | None = None
    event: Event | None = None
    streams: int = 0
    forget: Callable[[], None] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def waits(self) -> bool:
        return self.progress is not None and self.progress.state is JobState.QUEUED

    @property
    def over(self) -> bool:
        return self.event is not None and self.event.last


Seen = tuple[JobId, Progress | None, Job | None]
"""What a look found: how far the job is, or the job that has ended, or neither: it is gone."""


class EventHub:
    """The events of one server. Works in whichever loop its streams run."""

    def __init__(self, images: GenerateImages, jobs: ControlJobs, pace: Pace = Pace()) -> None:
        self._images = images
        self._jobs = jobs
        self._pace = pace
        self._watched: dict[JobId, Watched] = {}
        self._task: asyncio.Task[None] | None = None
        self._newest = 0
        self._stops: Stops = lambda: False

    async def follow(
        self, job: Job, seen: int | None, render: RenderEnd, stops: Stops = lambda: False
    ) -> AsyncIterator[bytes]:
        """The events of ``job`` until it ends.

        :param seen: id of the last event that the reader has.
        :param render: what the last event tells of the job.
        :param stops: whether the server ends; the stream then does, for the reader to come back later.
        """
        self._stops = stops
        watched, first = self._join(job.id)
        try:
            if first:
                loop = asyncio.get_running_loop()
                watched.forget = await run_in_threadpool(self._hear_of_the_end, job.id, loop)
            yield f"retry: {RETRY_MS}\n\n".encode()
            while True:
                news, event = watched.news, watched.event
                if event is not None and event.id != seen:
                    seen = event.id
                    if event.text is not None:
                        yield event.text if not event.last else await self._end(job.id, event, render)
                    if event.last:
                        return
                    continue
                if stops():
                    return
                try:
                    await asyncio.wait_for(news.wait(), self._pace.beat)
                except TimeoutError:
                    yield BEAT
        finally:
            self._leave(job.id, watched)

    async def _end(self, job_id: JobId, event: Event, render: RenderEnd) -> bytes:
        try:
            job = await run_in_threadpool(self._jobs.get, job_id)
        except UnknownJob:
            return b""
        return encode(event.id, "end", render(job))

    def _join(self, job_id: JobId) -> tuple[Watched, bool]:
        """The job, and whether nobody followed it before."""
        watched = self._watched.get(job_id)
        first = watched is None or watched.over
        if watched is None or first:
            watched = self._watched[job_id] = Watched()
        watched.streams += 1
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_again_and_again())
        return watched, first

    def _leave(self, job_id: JobId, watched: Watched) -> None:
        watched.streams -= 1
        if watched.streams:
            return
        if watched.forget is not None:
            watched.forget()
        if self._watched.get(job_id) is watched:
            del self._watched[job_id]

    def _hear_of_the_end(self, job_id: JobId, loop: asyncio.AbstractEventLoop) -> Callable[[], None] | None:
        def tell(job: Job) -> None:
            # The loop is closed when the server ended before the job did: nobody listens then.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._note, (job_id, None, job), _now())

        with suppress(UnknownJob):
            return self._images.when_done(job_id, tell)
        return None

    async def _look_again_and_again(self) -> None:
        failing = False
        while self._watched:
            try:
                await self._look_once()
                failing = False
            except Exception as error:
                # A store that is away for a while must not silence the streams for ever.
                if not failing:
                    log.warning("the jobs could not be looked at; it is tried again: %s", error)
                failing = True
            if self._stops():
                for watched in self._watched.values():
                    _wake(watched)
            await asyncio.sleep(self._pace.look)

    async def _look_once(self) -> None:
        began = _now()
        for entry in await run_in_threadpool(self._look, self._next()):
            self._note(entry, began)

    def _next(self) -> Sequence[JobId]:
        """Those that run, and as many as may be of those that wait, the longest not looked at first."""
        open_ones = [(name, watched) for name, watched in self._watched.items() if not watched.over]
        waiting = list(itertools.islice((name for name, w in open_ones if w.waits), self._pace.waiting))
        for name in waiting:
            self._watched[name] = self._watched.pop(name)
        return [*(name for name, watched in open_ones if not watched.waits), *waiting]

    def _look(self, ids: Iterable[JobId]) -> list[Seen]:
        return [self._look_at(job_id) for job_id in ids]

    def _look_at(self, job_id: JobId) -> Seen:
        try:
            progress = self._jobs.progress(job_id)
            if progress.state is None or progress.state.is_final:
                return job_id, None, self._jobs.get(job_id)
        except UnknownJob:
            return job_id, None, None
        return job_id, progress, None

    def _note(self, seen: Seen, began: int) -> None:
        job_id, progress, job = seen
        watched = self._watched.get(job_id)
        if watched is None or watched.over:
            return
        if progress is None:
            watched.event = Event(self._new_id(began) + 1, True, b"" if job is not None else None)
        elif not _changed(watched.progress, progress):
            return
        else:
            before = watched.progress
            name = "progress" if before is not None and before.state is progress.state else "state"
            watched.progress, number = progress, self._new_id(began)
            watched.event = Event(number, False, encode(number, name, progress_view(job_id, progress)))
        _wake(watched)

    def _new_id(self, began: int) -> int:
        """Grows also over a restart, by the clock."""
        self._newest = max(self._newest + 1, began)
        return 2 * self._newest


def _wake(watched: Watched) -> None:
    """Whoever waits goes on; whoever waits from now on waits for the next."""
    watched.news.set()
    watched.news = asyncio.Event()


def _changed(before: Progress | None, now: Progress) -> bool:
    # The time left changes by itself; it is told with what else changes.
    return before is None or replace(before, eta=None) != replace(now, eta=None)


def _now() -> int:
    return time.time_ns() // 1_000_000


def encode(number: int, name: str, data: BaseModel) -> bytes:
    """One event as it stands in the stream."""
    return f"id: {number}\nevent: {name}\ndata: {data.model_dump_json()}\n\n".encode()


def has_ended(seen: int | None) -> bool:
    """Whether a reader that saw the event of that id last has seen the end."""
    return seen is not None and seen % 2 == 1
