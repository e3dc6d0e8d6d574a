"""The client for programs that wait."""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterator, Sequence
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


class Client:
    """A Serena server, seen from a program. Every method raises what the server raised, as an exception of
    the tree in ``core.domain.errors``, ``ServerRefusal`` or ``ServerUnreachable``.

    :param auth: name and password; ``api_key`` instead where the server has keys.
    :param client_id: tells this program's jobs from those of others at the same address.
    :param transport: of httpx, for tests.
    """

    def __init__(
        self,
        url: str = LOCAL,
        *,
        auth: tuple[str, str] | None = None,
        api_key: str | None = None,
        client_id: str | None = None,
        timeout: float = 30.0,
        retries: Retries = PATIENT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._access = Access(url, auth, api_key, client_id, timeout, retries)
        self._http = httpx.Client(**self._access.options(), transport=transport)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def submit(
        self, request: AnyRequest, *, priority: int = 0, webhook: str | None = None, key: str | None = None
    ) -> JobView:
        """Have a request drawn, and do not wait for it.

        :param key: idempotency key; a call that is repeated with it gives the same job. One is made up by
            default, so that a repetition after a lost connection draws nothing twice.
        """
        return self._send(calls.submit(job_of(request, priority, webhook), key))

    def submit_batch(self, jobs: Sequence[AnyJob], *, key: str | None = None) -> list[JobView]:
        """Several at once, all of them or none. :func:`job_of` makes them of requests."""
        return self._send(calls.submit_batch(jobs, key))

    def run(
        self, request: AnyRequest, *, on_progress: OnProgress | None = None, timeout: float | None = None
    ) -> JobView:
        """Submit, and wait for the end."""
        return self.wait(self.submit(request).id, on_progress=on_progress, timeout=timeout)

    def get(self, job_id: str) -> JobView:
        return self._send(calls.get(job_id))

    def jobs(self, states: Collection[JobState | str] = (), *, limit: int | None = None) -> Iterator[JobView]:
        """Your jobs, newest first; pages are fetched as they are needed."""
        return itertools.islice(self._pages(states, limit), limit)

    def wait(
        self, job_id: str, *, on_progress: OnProgress | None = None, timeout: float | None = None
    ) -> JobView:
        """The job once it has ended. Raises the error it failed with, ``TimeoutError`` after ``timeout``
        seconds; one that was cancelled is given as it is."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for event in self._events(job_id, None, deadline):
            if event.job is not None:
                return checked(event.job)
            if event.progress is not None and on_progress is not None:
                on_progress(event.progress)
        raise too_late(job_id, timeout)

    def events(self, job_id: str, *, since: int | None = None) -> Iterator[JobEvent]:
        """What happens to a job, until it has ended. A stream that breaks is opened again.

        :param since: id of the last event that is known already.
        """
        return self._events(job_id, since, None)

    def cancel(self, job_id: str) -> JobView:
        """Stop it; its pictures so far stay. One that has ended stays as it is."""
        return self._send(calls.cancel(job_id))

    def skip(self, job_id: str) -> JobView:
        """Drop the picture in progress and go on with the next."""
        return self._send(calls.skip(job_id))

    def retry(self, job_id: str) -> JobView:
        """The same once more, as a new job."""
        return self._send(calls.retry(job_id))

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended, or stop one that has not."""
        self._send(calls.delete(job_id))

    def image(self, job_id: str, number: int = 0) -> bytes:
        return self._send(calls.image(job_id, number))

    def images(self, job: JobView) -> list[bytes]:
        """The files of all pictures of a job that has ended."""
        return [self.image(job.id, image.index) for image in (job.result.images if job.result else ())]

    def preview(self, job_id: str) -> bytes:
        """What the picture in progress looks like. ``ServerRefusal`` while there is none."""
        return self._send(calls.preview(job_id))

    def models(self) -> ModelList:
        """The checkpoints that are offered, and those that cannot be used."""
        return self._send(calls.models())

    def model(self, name: str) -> ModelView:
        """One checkpoint, by title, name, file name or hash."""
        return self._send(calls.model(name))

    def plugins(self) -> list[PluginView]:
        """What became of each plugin, and how often it has failed since the server started."""
        return self._send(calls.plugins())

    def queue(self) -> QueueView:
        return self._send(calls.queue())

    def _send(self, call: Call[T]) -> T:
        retries = self._access.retries
        attempt = 0
        while True:
            try:
                response = self._http.request(
                    call.method, call.path, json=call.body, headers=call.headers, params=call.params
                )
            except httpx.TransportError as error:
                pause = retries.after_silence(attempt, self._access.url, error, repeatable=call.repeatable)
            else:
                if response.is_success:
                    return call.read(response)
                pause = retries.after_answer(attempt, response)
            time.sleep(pause)
            attempt += 1

    def _pages(self, states: Collection[JobState | str], limit: int | None) -> Iterator[JobView]:
        cursor, size = None, calls.PAGE if limit is None else max(1, min(limit, calls.PAGE))
        while True:
            page = self._send(calls.page(states, size, cursor))
            yield from page.jobs
            cursor = page.next
            if cursor is None:
                return

    def _events(self, job_id: str, since: int | None, deadline: float | None) -> Iterator[JobEvent]:
        """Ends without the last event only when the deadline has passed, or if that was known already."""
        reader = EventReader(since)
        contact, attempt = time.monotonic(), 0
        while not reader.ended and not passed(deadline):
            broken: Exception | None = None
            try:
                for event in self._stream(job_id, reader, deadline):
                    contact, attempt = time.monotonic(), 0
                    if event is not None:
                        yield event
            except httpx.TransportError as error:
                broken = error
            if not reader.ended:
                lost = time.monotonic() - contact
                pause = self._access.retries.after_break(attempt, lost, self._access.url, broken)
                time.sleep(within(pause, deadline))
                attempt += 1

    def _stream(self, job_id: str, reader: EventReader, deadline: float | None) -> Iterator[JobEvent | None]:
        """The events of one connection, and None for each line between them."""
        options: dict[str, Any] = {"headers": reader.headers(), "timeout": self._access.silence(deadline)}
        with self._http.stream("GET", calls.events_path(job_id), **options) as response:
            if not response.is_success:
                response.read()
                self._access.retries.after_answer(0, response)
                return
            reader.opened(response.status_code)
            for line in response.iter_lines():
                yield reader.feed(line)
                if reader.ended or passed(deadline):
                    return
