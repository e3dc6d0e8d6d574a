"""What the three calls answer with: pictures as base64 or by URL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from fastapi import Request

from adapters.http.openai.wire import ImageBody, PictureItem, PicturesResponse
from adapters.http.pictures import encode_picture
from core.domain.errors import JobConflict, revive
from core.domain.image import BlobRef
from core.domain.job import Job
from core.domain.result import GenerationResult

QUALITIES = {"auto": "medium", "standard": "medium", "hd": "high"}
"""What the answer calls a quality; the others keep their name."""
NO_USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}
"""Nobody pays by token here; the clients' types want the field."""

Load = Callable[[BlobRef], bytes]


def result_of(job: Job) -> GenerationResult:
    """What an ended job drew. Raises the error it failed with, or ``JobConflict``."""
    if job.error is not None:
        raise revive(job.error.kind, job.error.message)
    if job.result is None or not job.result.images:
        raise JobConflict("the job was cancelled before it drew")
    return job.result


def images_response(job: Job, body: ImageBody, load: Load, address: str) -> PicturesResponse:
    """
    :param address: of the route that serves pictures, up to and without the job's id.
    """
    result = result_of(job)
    by_url = body.response_format == "url"
    data = [
        PictureItem(
            seed=image.seed,
            url=f"{address}{quote(job.id, safe='')}/{index}" if by_url else None,
            b64_json=None if by_url else encode_picture(load(image.blob)),
        )
        for index, image in enumerate(result.images)
    ]
    first = result.images[0]
    return PicturesResponse(
        created=seconds(job.finished_at),
        data=data,
        output_format=format_name(first.format),
        quality=quality_of(body),
        size=f"{first.width}x{first.height}",
    )


def completed_events(job: Job, body: ImageBody, load: Load, kind: str) -> list[dict[str, Any]]:
    """One event for each picture of an ended job."""
    return [
        {
            "type": f"{kind}.completed",
            "b64_json": encode_picture(load(image.blob)),
            "background": "opaque",
            "created_at": seconds(job.finished_at),
            "output_format": format_name(image.format),
            "quality": quality_of(body),
            "size": f"{image.width}x{image.height}",
            "seed": image.seed,
            "usage": NO_USAGE,
        }
        for image in result_of(job).images
    ]


def quality_of(body: ImageBody) -> str:
    asked = body.quality or "auto"
    return QUALITIES.get(asked, asked)


def format_name(extension: str) -> str:
    return "jpeg" if extension == "jpg" else extension


def seconds(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp())


def address_of(request: Request) -> str:
    """Where the pictures of jobs are, as the caller reaches this server."""
    return f"{request.base_url}v1/images/files/"
