"""``serena txt2img --server URL`` and ``img2img``: drawn there, kept here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typer

from adapters.cli.common import settings_from
from adapters.cli.connecting import connect
from adapters.cli.errors import INTERRUPTED, report
from adapters.cli.flags import DrawFlags, InitFlags
from adapters.cli.following import show_event
from adapters.cli.output import picture_line
from adapters.cli.progress import Watcher, watcher
from adapters.cli.requests import common_fields, overrides_from, script_arguments
from adapters.client.errors import error_from
from adapters.client.models import (
    AnyRequest,
    ImageView,
    Img2ImgRequest,
    JobView,
    Txt2ImgRequest,
    job_of,
    picture,
)
from adapters.client.sync import Client
from core.domain.errors import InvalidImage
from core.domain.job import JobId
from core.domain.option_table import OPTIONS

FOLDER = "outputs"
FORMATS = ("png", "jpg", "jpeg", "webp", "avif")


def generate_there(flags: DrawFlags, server: str) -> None:
    """Have the prompts drawn by ``server`` and write the pictures below the data folder of this machine."""
    requests = requests_for(flags)
    folder = settings_from(flags.data_dir).data_dir / FOLDER
    with connect(server) as client:
        with watcher() as watching:
            jobs, interrupted = RemoteRun(client, watching).draw(requests)
        paths = [[] if flags.no_save else _fetch(client, job, folder) for job in jobs]
    for job, found in zip(jobs, paths, strict=True):
        show(job, found, as_json=flags.as_json)
    problem = next((job.error for job in jobs if job.error is not None), None)
    if problem is not None:
        raise typer.Exit(report(error_from(problem)))
    if interrupted:
        raise typer.Exit(INTERRUPTED)


class RemoteRun:
    """Jobs there, from their submission to their end. Ctrl-C stops all of them; a second one, this."""

    def __init__(self, client: Client, watching: Watcher) -> None:
        self._client = client
        self._watching = watching
        self._done: dict[str, JobView] = {}

    def draw(self, requests: list[AnyRequest]) -> tuple[list[JobView], bool]:
        jobs = self._client.submit_batch([job_of(request) for request in requests])
        interrupted = False
        try:
            for job in jobs:
                self._watching.begin(JobId(job.id), job.prompt)
            self._follow(jobs)
        except KeyboardInterrupt:
            interrupted = True
            for job in jobs:
                self._client.cancel(job.id)
            self._follow(jobs)
        return [self._done[job.id] for job in jobs], interrupted

    def _follow(self, jobs: list[JobView]) -> None:
        for job in jobs:
            if job.id not in self._done:
                for event in self._client.events(job.id):
                    ended = show_event(event, self._watching)
                    if ended is not None:
                        self._done[job.id] = ended


def requests_for(flags: DrawFlags) -> list[AnyRequest]:
    """One request a prompt, as it goes over HTTP."""
    fields: dict[str, Any] = {
        **common_fields(flags),
        "styles": flags.styles,
        "override_settings": overrides_from(flags, OPTIONS),
        "script_name": flags.script,
        "script_args": script_arguments(flags),
    }
    if isinstance(flags, InitFlags):
        fields |= _init_fields(flags)
        return [Img2ImgRequest(prompt=prompt, **fields) for prompt in flags.prompt]
    return [Txt2ImgRequest(prompt=prompt, **fields) for prompt in flags.prompt]


def _init_fields(flags: InitFlags) -> dict[str, Any]:
    same = (
        "denoising_strength", "resize_mode", "mask_blur", "inpainting_fill", "inpaint_full_res",
        "inpaint_full_res_padding", "inpainting_mask_invert",
    )  # fmt: skip
    return {
        **{name: getattr(flags, name) for name in same},
        "init_images": [_read(path) for path in flags.init],
        "mask": _read(flags.mask) if flags.mask else None,
    }


def _read(path: Path) -> str:
    try:
        return picture(path)
    except OSError as error:
        raise InvalidImage(f"cannot read {path}: {error.strerror}") from None


def _fetch(client: Client, job: JobView, folder: Path) -> list[str]:
    """The files of the job's pictures."""
    paths: list[str] = []
    for image, data in zip(_images(job), client.images(job), strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / file_name(job.id, image)
        path.write_bytes(data)
        paths.append(str(path))
    return paths


def file_name(job_id: str, image: ImageView) -> str:
    """Below the folder, whatever the server says. Raises ``InvalidImage`` for a format that is none of
    ours."""
    if image.format not in FORMATS:
        known = ", ".join(FORMATS)
        raise InvalidImage(f"the server sent a picture of the format {image.format!r}; it must be {known}")
    return f"{quote(job_id, safe='()')}-{image.index}.{image.format}"


def show(job: JobView, paths: list[str], *, as_json: bool) -> None:
    """Print the pictures of a job that has ended: as :func:`adapters.cli.output.show_job` does."""
    seconds = _seconds(job)
    placed = [(image, paths[n] if paths else None) for n, image in enumerate(_images(job))]
    if as_json:
        typer.echo(json.dumps(_as_object(job, placed, seconds)))
        return
    for image, path in placed:
        typer.echo(picture_line(path, image, seconds))
    for comment in job.result.comments if job.result else ():
        typer.echo(comment, err=True)


def _as_object(job: JobView, placed: list[tuple[ImageView, str | None]], seconds: float) -> dict[str, Any]:
    keys = {"seed", "subseed", "width", "height", "infotext"}
    return {
        "job": job.id,
        "state": job.state.value,
        "prompt": job.prompt,
        "seconds": round(seconds, 3) if job.result else None,
        "images": [{"path": path, **image.model_dump(include=keys)} for image, path in placed],
        "comments": job.result.comments if job.result else [],
        "error": job.error.detail if job.error else None,
    }


def _images(job: JobView) -> list[ImageView]:
    return job.result.images if job.result else []


def _seconds(job: JobView) -> float:
    """What the run took, all three stages."""
    took = job.result.timings if job.result else None
    return took.prepare + took.execute + took.finalize if took else 0.0
