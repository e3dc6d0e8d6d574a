"""The client for programs that do other things meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import httpx

from adapters.client import calls
from adapters.client.base import LOCAL, Access, OnProgress, checked, passed, too_late, within
from adapters.client.calls import Call
from adapters.client.events import EventReader, JobEvent
from adapters.client.models import (
    AnyJob,
    AnyRequest,
    JobState,
    JobView,
    ModelList,
    ModelView,
    PluginView,
    QueueView,
    job_of,
)
from adapters.client.retrying import PATIENT, Retries

T = TypeVar("T")


class AsyncClient:
    """As :class:`~adapters.client.sync.Client`, method for method, to be awaited."""

    def __init__(
        self,
        url: str = LOCAL,
        *,
        auth: tuple[str, str] | None = None,
        api_key: str | None = None,
        client_id: str | None = None,
        timeout: float = 30.0,
        retries: Retries = PATIENT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._access = Access(url, auth, api_key, client_id, timeout, retries)
        self._http = httpx.AsyncClient(**self._access.options(), transport=transport)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def submit(
        self, request: AnyRequest, *, priority: int = 0, webhook: str | None = None, key: str | None = None
    ) -> JobView:
        """Have a request drawn, and do not wait for it."""
        return await self._send(calls.submit(job_of(request, priority, webhook), key))

    async def submit_batch(self, jobs: Sequence[AnyJob], *, key: str | None = None) -> list[JobView]:
        """Several at once, all of them or none."""
        return await self._send(calls.submit_batch(jobs, key))

    async def run(
        self, request: AnyRequest, *, on_progress: OnProgress | None = None, timeout: float | None = None
    ) -> JobView:
        """Submit, and wait for the end."""
        job = await self.submit(request)
        return await self.wait(job.id, on_progress=on_progress, timeout=timeout)

    async def get(self, job_id: str) -> JobView:
        return await self._send(calls.get(job_id))

    async def jobs(
        self, states: Collection[JobState | str] = (), *, limit: int | None = None
    ) -> AsyncIterator[JobView]:
        """Your jobs, newest first; pages are fetched as they are needed."""
        cursor, left = None, limit
        while left is None or left > 0:
            page = await self._send(calls.page(states, min(left or calls.PAGE, calls.PAGE), cursor))
            for job in page.jobs:
                yield job
            left = None if left is None else left - len(page.jobs)
            cursor = page.next
            if cursor is None:
                return

    async def wait(
        self, job_id: str, *, on_progress: OnProgress | None = None, timeout: float | None = None
    ) -> JobView:
        """The job once it has ended, or its error, or ``TimeoutError``."""
        deadline = None if timeout is None else time.monotonic() + timeout
        async with aclosing(self._events(job_id, None, deadline)) as events:
            async for event in events:
                if event.job is not None:
                    return checked(event.job)
                if event.progress is not None and on_progress is not None:
                    on_progress(event.progress)
        raise too_late(job_id, timeout)

    def events(self, job_id: str, *, since: int | None = None) -> AsyncGenerator[JobEvent, None]:
        """What happens to a job, until it has ended. A stream that breaks is opened again."""
        return self._events(job_id, since, None)

    async def cancel(self, job_id: str) -> JobView:
        """Stop it; its pictures so far stay."""
        return await self._send(calls.cancel(job_id))

    async def skip(self, job_id: str) -> JobView:
        """Drop the picture in progress and go on with the next."""
        return await self._send(calls.skip(job_id))

    async def retry(self, job_id: str) -> JobView:
        """The same once more, as a new job."""
        return await self._send(calls.retry(job_id))

    async def delete(self, job_id: str) -> None:
        """Forget a job that has ended, or stop one that has not."""
        await self._send(calls.delete(job_id))

    async def image(self, job_id: str, number: int = 0) -> bytes:
        return await self._send(calls.image(job_id, number))

    async def images(self, job: JobView) -> list[bytes]:
        """The files of all pictures of a job that has ended."""
        found = job.result.images if job.result else []
        return [await self.image(job.id, image.index) for image in found]

    async def preview(self, job_id: str) -> bytes:
        """What the picture in progress looks like."""
        return await self._send(calls.preview(job_id))

    async def models(self) -> ModelList:
        return await self._send(calls.models())

    async def model(self, name: str) -> ModelView:
        return await self._send(calls.model(name))

    async def plugins(self) -> list[PluginView]:
        return await self._send(calls.plugins())

    async def queue(self) -> QueueView:
        return await self._send(calls.queue())

    async def _send(self, call: Call[T]) -> T:
        retries = self._access.retries
        attempt = 0
        while True:
            try:
                response = await self._http.request(
                    call.method, call.path, json=call.body, headers=call.headers, params=call.params
                )
            except httpx.TransportError as error:
                url, repeatable = self._access.url, call.repeatable
                pause = retries.after_silence(attempt, url, error, repeatable=repeatable)
            else:
                if response.is_success:
                    return call.read(response)
                pause = retries.after_answer(attempt, response)
            await asyncio.sleep(pause)
            attempt += 1

    async def _events(
        self, job_id: str, since: int | None, deadline: float | None
    ) -> AsyncGenerator[JobEvent, None]:
        """Ends without the last event only when the deadline has passed, or if that was known already."""
        reader = EventReader(since)
        contact, attempt = time.monotonic(), 0
        while not reader.ended and not passed(deadline):
            broken: Exception | None = None
            try:
                async with aclosing(self._stream(job_id, reader, deadline)) as events:
                    async for event in events:
                        contact, attempt = time.monotonic(), 0
                        if event is not None:
                            yield event
            except httpx.TransportError as error:
                broken = error
            if not reader.ended:
                lost = time.monotonic() - contact
                pause = self._access.retries.after_break(attempt, lost, self._access.url, broken)
                await asyncio.sleep(within(pause, deadline))
                attempt += 1

    async def _stream(
        self, job_id: str, reader: EventReader, deadline: float | None
    ) -> AsyncGenerator[JobEvent | None, None]:
        """The events of one connection, and None for each line between them."""
        options: dict[str, Any] = {"headers": reader.headers(), "timeout": self._access.silence(deadline)}
        async with self._http.stream("GET", calls.events_path(job_id), **options) as response:
            if not response.is_success:
                await response.aread()
                self._access.retries.after_answer(0, response)
                return
            reader.opened(response.status_code)
            async for line in response.aiter_lines():
                yield reader.feed(line)
                if reader.ended or passed(deadline):
                    return
