"""What the suites need of an assembled Serena, and a picture as its users get it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from core.domain.job import Job
from core.domain.request import GenerationRequest
from core.ports.driving import ControlJobs, GenerateImages

PATIENCE = 60.0
"""Seconds that a suite waits for a job."""


class Opened(Protocol):
    """A started application."""

    @property
    def images(self) -> GenerateImages: ...

    @property
    def jobs(self) -> ControlJobs: ...


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a user gets it. ``rgb`` are its pixels."""

    size: tuple[int, int]
    rgb: bytes
    infotext: str

    @classmethod
    def of(cls, image: Image.Image, infotext: str) -> Picture:
        return cls(image.size, image.convert("RGB").tobytes(), infotext)

    @classmethod
    def of_file(cls, data: bytes) -> Picture:
        """An encoded picture with its infotext inside."""
        with Image.open(io.BytesIO(data)) as image:
            return cls.of(image, str(image.info["parameters"]))


def draw_directly(app: Opened, request: GenerationRequest) -> list[Picture]:
    """Through the job service itself."""
    return pictures_of(app, app.images.wait(app.images.submit(request), PATIENCE))


def pictures_of(app: Opened, job: Job) -> list[Picture]:
    """The pictures of an ended job, without a grid."""
    assert job.result is not None, f"job {job.id} is {job.state} and has no pictures"
    return [Picture.of_file(app.images.image(image.blob)) for image in job.result.images]
