"""``serena txt2img`` and ``serena img2img``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from adapters.cli.common import host_of, settings_from
from adapters.cli.drawing import Drawing, draw
from adapters.cli.errors import INTERRUPTED, report
from adapters.cli.flags import DrawFlags, InitFlags, takes
from adapters.cli.output import show_job
from adapters.cli.progress import watcher
from adapters.cli.requests import requests_from

if TYPE_CHECKING:
    from adapters.application import Application


@takes(DrawFlags)
def txt2img(context: typer.Context, flags: DrawFlags) -> None:
    """Draw a picture of each prompt."""
    _generate(context, flags)


@takes(InitFlags)
def img2img(context: typer.Context, flags: InitFlags) -> None:
    """Draw each prompt over a picture, or over the masked part of it."""
    _generate(context, flags)


def _generate(context: typer.Context, flags: DrawFlags) -> None:
    if flags.server is not None:
        # Not at the top: it needs httpx, which drawing here does not.
        from adapters.cli.remote import generate_there

        generate_there(flags, flags.server)
        return
    application = host_of(context).open(settings_from(flags.data_dir, flags.backend))
    try:
        drawing = _draw(application, flags)
    finally:
        application.close()
    _show(drawing, application, as_json=flags.as_json)


def _draw(application: Application, flags: DrawFlags) -> Drawing:
    application.settle()
    requests = requests_from(flags, application)
    application.start()
    with watcher() as watching:
        return draw(application, requests, watching)


def _show(drawing: Drawing, application: Application, *, as_json: bool) -> None:
    for job in drawing.jobs:
        show_job(job, application.settings.data_dir, as_json=as_json)
    if drawing.error is not None:
        raise typer.Exit(report(drawing.error))
    if drawing.interrupted:
        raise typer.Exit(INTERRUPTED)
