"""What was drawn, on stdout: a line for each picture, or with ``--json`` an object a line for each prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import typer

from core.domain.job import Job
from core.domain.result import GenerationResult, ResultImage


def show_job(job: Job, data_dir: Path, *, as_json: bool) -> None:
    """Print the pictures of a job that has ended, if it has any."""
    if as_json:
        typer.echo(json.dumps(as_object(job, data_dir)))
    elif job.result is not None:
        for image in job.result.images:
            typer.echo(as_line(image, job.result, data_dir))
        for comment in job.result.comments:
            typer.echo(comment, err=True)


def as_line(image: ResultImage, result: GenerationResult, data_dir: Path) -> str:
    return picture_line(_path(image, data_dir), image, seconds(result))


class Drawn(Protocol):
    """A picture of this machine or of another one."""

    @property
    def seed(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...


def picture_line(path: str | None, image: Drawn, seconds: float) -> str:
    where = path or "(not saved)"
    return f"{where}  seed {image.seed}  {image.width}x{image.height}  {seconds:.2f} s"


def as_object(job: Job, data_dir: Path) -> dict[str, Any]:
    result = job.result
    return {
        "job": job.id,
        "state": job.state.value,
        "prompt": job.request.prompt,
        "seconds": round(seconds(result), 3) if result else None,
        "images": [_image(image, data_dir) for image in result.images] if result else [],
        "comments": list(result.comments) if result else [],
        "error": job.error.message if job.error else None,
    }


def seconds(result: GenerationResult) -> float:
    """What the run took, all three stages."""
    receipt = result.receipt
    return receipt.prepare + receipt.execute + receipt.finalize


def _image(image: ResultImage, data_dir: Path) -> dict[str, Any]:
    return {
        "path": _path(image, data_dir),
        "seed": image.seed,
        "subseed": image.subseed,
        "width": image.width,
        "height": image.height,
        "infotext": image.infotext,
    }


def _path(image: ResultImage, data_dir: Path) -> str | None:
    return None if image.path is None else str(data_dir / image.path)
