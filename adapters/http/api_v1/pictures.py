"""``/api/v1/jobs/{id}/images/{n}`` and ``/preview``: bytes, with what a browser must not make of them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from adapters.http.api_v1.finding import Finder
from adapters.http.body import router as new_router
from adapters.http.errors import ErrorReply
from core.domain.errors import ExpiredJob, UnknownJob
from core.domain.job import Job
from core.domain.result import ResultImage
from core.ports.driving import ControlJobs, GenerateImages

MEDIA: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
}
_MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"RIFF", "image/webp"))
_LOCKED = {"Content-Security-Policy": "default-src 'none'; sandbox"}


class PictureRoutes:
    """The bytes of pictures."""

    def __init__(self, images: GenerateImages, jobs: ControlJobs, finder: Finder) -> None:
        self._images = images
        self._jobs = jobs
        self._finder = finder

    async def image(self, job_id: str, number: int, request: Request) -> Response:
        job = await run_in_threadpool(self._finder.find, request, job_id)
        found = picture(job, number)
        if found is None:
            return _no_picture(job, number).response(request.scope)
        headers = {**kept_by_the_client(found), **_LOCKED}
        if client_has(request, found):
            return Response(status_code=304, headers=headers)
        data = await run_in_threadpool(self._bytes, job, found)
        headers["Content-Disposition"] = f'inline; filename="{number}.{found.format}"'
        return Response(data, headers=headers, media_type=MEDIA[found.format])

    async def preview(self, job_id: str, request: Request) -> Response:
        def look() -> tuple[Job, bytes | None]:
            job = self._finder.find(request, job_id)
            return job, self._jobs.progress(job.id, preview=True).preview

        job, data = await run_in_threadpool(look)
        if data is None:
            text = f"job {job.id!r} is {job.state} and has no preview now"
            return ErrorReply(404, "NoPreview", text, text).response(request.scope)
        return Response(data, headers={"Cache-Control": "no-store", **_LOCKED}, media_type=media_of(data))

    def _bytes(self, job: Job, found: ResultImage) -> bytes:
        try:
            return self._images.image(found.blob)
        except UnknownJob:
            # Forgotten between the two looks.
            raise ExpiredJob(job.id) from None


def picture(job: Job, number: int) -> ResultImage | None:
    images = job.result.images if job.result is not None else ()
    return images[number] if 0 <= number < len(images) else None


def media_of(data: bytes) -> str:
    """The type of a preview, which may be in any of the formats."""
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "application/octet-stream")


def _no_picture(job: Job, number: int) -> ErrorReply:
    count = len(job.result.images) if job.result is not None else 0
    text = f"job {job.id!r} is {job.state} and has {count} pictures, no number {number}; the first is 0"
    return ErrorReply(404, "UnknownImage", text, text)


def kept_by_the_client(found: ResultImage) -> dict[str, str]:
    """Nobody else may keep it, and the client asks whether it is still the same: an id that a client chose
    may later be that of another job."""
    return {"ETag": f'"{found.blob}"', "Cache-Control": "private, no-cache"}


def client_has(request: Request, found: ResultImage) -> bool:
    """Whether the bytes need not be sent."""
    tag = f'"{found.blob}"'
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or tag in (part.strip().removeprefix("W/") for part in given.split(","))


def pictures_router(routes: PictureRoutes) -> APIRouter:
    router = new_router("/api/v1/jobs", ["own API"])
    kinds = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(set(MEDIA.values()))}
    router.get(
        "/{job_id}/images/{number}",
        response_class=Response,
        responses={200: {"content": kinds}, 304: {"description": "The picture that you have"}},
        summary="A picture of a job",
    )(routes.image)
    router.get(
        "/{job_id}/preview",
        response_class=Response,
        responses={200: {"content": kinds}},
        summary="What the picture in progress looks like",
    )(routes.preview)
    return router
