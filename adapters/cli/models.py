"""``serena models``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.cli.common import AsJson, Backend, DataDir, host_of, settings_from
from adapters.cli.errors import FAILED
from adapters.cli.listing import cell, show
from adapters.cli.model_files import convert, pull
from core.domain.model import ModelRef
from core.domain.model_report import ModelReport

Name = Annotated[str, typer.Argument(help="Title, name, file name or hash of a model.", metavar="NAME")]
Places = Annotated[
    list[Path], typer.Argument(help="Files, or folders in the layout of diffusers.", metavar="PATH...")
]

models = typer.Typer(help="The checkpoints there are to draw with; alone: list them.")
models.command("convert")(convert)
models.command("pull")(pull)


@models.callback(invoke_without_command=True)
def all_models(
    context: typer.Context, data_dir: DataDir = None, backend: Backend = None, as_json: AsJson = False
) -> None:
    """The checkpoints there are to draw with; alone: list them."""
    if context.invoked_subcommand is None:
        _list(context, data_dir, backend, as_json=as_json)


@models.command("list")
def list_(
    context: typer.Context, data_dir: DataDir = None, backend: Backend = None, as_json: AsJson = False
) -> None:
    """List the checkpoints there are to draw with."""
    _list(context, data_dir, backend, as_json=as_json)


@models.command("show")
def show_one(
    context: typer.Context,
    name: Name,
    data_dir: DataDir = None,
    backend: Backend = None,
    as_json: AsJson = False,
) -> None:
    """Show one checkpoint."""
    application = host_of(context).open(settings_from(data_dir, backend))
    try:
        model = application.models.find(name)
        row = _row(model, application.models.current())
        said = _known(application.models.report(model))
    finally:
        application.close()
    _print(row | {name: value for name, value in said.items() if not row.get(name)}, as_json=as_json)


@models.command()
def check(context: typer.Context, paths: Places, as_json: AsJson = False) -> None:
    """Look at files or folders without loading them: family, precision, and what is wrong."""
    reports = [host_of(context).check_model(path) for path in paths]
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(report) for report in reports], indent=2))
    else:
        for report in reports:
            _print(_words(report), as_json=False)
    if any(report.problem for report in reports):
        raise typer.Exit(FAILED)


def _list(context: typer.Context, data_dir: Path | None, backend: str | None, *, as_json: bool) -> None:
    application = host_of(context).open(settings_from(data_dir, backend))
    try:
        current = application.models.current()
        rows = [_row(model, current) for model in application.models.models()]
    finally:
        application.close()
    folder = application.settings.models_dir
    show(
        rows, ("title", "current", "location"), as_json=as_json, empty=f"there are no models yet in {folder}"
    )


def _print(row: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(row, indent=2))
        return
    width = max(map(len, row))
    for name, value in row.items():
        typer.echo(f"{name:<{width}}  {cell(value)}".rstrip())


def _words(report: ModelReport) -> dict[str, Any]:
    """What is known of it, as a person reads it."""
    known = _known(report)
    if known.pop("assumed", None):
        known["prediction"] = f"{report.prediction} (assumed: nothing says so)"
    return {"path": report.path, **known, "problem": report.problem or "none"}


def _known(report: ModelReport) -> dict[str, Any]:
    """What is known of it, without what is not, and without its place."""
    known = dataclasses.asdict(report)
    return {name: value for name, value in known.items() if name != "path" and value not in (None, (), 0)}


def _row(model: ModelRef, current: ModelRef | None) -> dict[str, Any]:
    identity = model.identity
    return {
        "title": identity.title,
        "name": identity.name,
        "model_name": identity.model_name,
        "hash": identity.short_hash or None,
        "sha256": identity.sha256 or None,
        "family": model.family or None,
        "prediction": model.prediction,
        "location": model.location,
        "config": model.config,
        "current": current is not None and current.identity == identity,
    }
