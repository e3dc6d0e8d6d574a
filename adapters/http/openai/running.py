"""From a request to its job, and from the job to the answer or the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from adapters.http.openai.answering import address_of, images_response
from adapters.http.openai.streaming import PictureStream
from adapters.http.openai.to_request import Keep
from adapters.http.openai.wire import ImageBody
from adapters.http.submitting import CLIENT_CLOSED, KEY_HEADER, timings
from adapters.http.users import caller_of
from adapters.http.waiting import ClientGoneError, job_ended, waiting_for
from core.domain.image import BlobRef
from core.domain.job import JobId
from core.domain.request import GenerationRequest
from core.ports.driving import ControlJobs, GenerateImages

Build = Callable[[Keep], GenerationRequest]

STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class PictureJobs:
    """Submits, waits, answers.

    :param detached: jobs run on although the client that waits for them goes away.
    """

    def __init__(self, images: GenerateImages, jobs: ControlJobs, *, detached: bool = False) -> None:
        self._images = images
        self._jobs = jobs
        self._detached = detached

    async def answer(self, request: Request, body: ImageBody, build: Build, kind: str) -> Response:
        """Run the job of ``build``; ``body`` says how to answer. Errors are raised.

        :param kind: begins the types of a stream's events.
        """
        job_id, wanted = await run_in_threadpool(self._submit, request, build)
        headers = {"X-Job-Id": job_id}
        if body.stream:
            stream = PictureStream(self._jobs, self._images.image, body, wanted, kind)
            return StreamingResponse(
                self._streamed(request, job_id, stream),
                media_type="text/event-stream",
                headers=headers | STREAM_HEADERS,
            )
        try:
            job = await job_ended(self._images, self._jobs, request, lambda: job_id)
        except ClientGoneError:
            return Response(status_code=CLIENT_CLOSED)
        found = await run_in_threadpool(images_response, job, body, self._images.image, address_of(request))
        return JSONResponse(found.model_dump(exclude_none=True), headers=headers | timings(job))

    def _submit(self, request: Request, build: Build) -> tuple[JobId, GenerationRequest]:
        key = request.headers.get(KEY_HEADER)
        wanted = self._built(build)
        detached = self._detached or key is not None
        job_id = self._images.submit(wanted, caller=caller_of(request), key=key, detached=detached)
        return job_id, wanted

    def _built(self, build: Build) -> GenerationRequest:
        """The request, or its error and no picture kept for it."""
        kept: list[BlobRef] = []

        def keep(data: bytes) -> BlobRef:
            kept.append(self._images.put_image(data))
            return kept[-1]

        try:
            return build(keep)
        except BaseException:
            for ref in kept:
                self._images.drop_image(ref)
            raise

    async def _streamed(self, request: Request, job_id: JobId, stream: PictureStream) -> AsyncIterator[bytes]:
        """The events, until the client has gone; then nobody waits for the job any more."""
        async with waiting_for(self._images, self._jobs, request, lambda: job_id) as ended:
            async for event in stream.events(job_id, ended, request):
                yield event
