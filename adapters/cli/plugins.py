"""``serena plugins``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.common import AsJson, DataDir, host_of, settings_from
from adapters.cli.listing import show

COLUMNS = ("name", "version", "distribution", "builtin", "hooks", "settings", "error")

plugins = typer.Typer(invoke_without_command=True)


@plugins.callback()
def list_(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Built-in plugins too.")] = False,
    hook: Annotated[str | None, typer.Option("--hook", help="Only those that implement this hook.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the plugins, what they hook into, and why one is not in use."""
    if context.invoked_subcommand is not None:
        return
    reports = host_of(context).plugins(settings_from(data_dir))
    # Asking for a hook asks who takes part in it, and the built-in ones do.
    wanted = [r for r in reports if everything or hook or not r.builtin]
    rows = [asdict(r) for r in wanted if hook is None or hook in r.hooks]
    if not as_json:
        rows = [{**row, "settings": [one["option"] for one in row["settings"]]} for row in rows]
    show(rows, COLUMNS, as_json=as_json, empty=_nothing(hook))


@plugins.command("new")
def new(
    name: Annotated[str, typer.Argument(help="What it is called.", metavar="NAME")],
    into: Annotated[Path, typer.Option("--into", help="Folder to make it in.", metavar="FOLDER")] = Path(),
) -> None:
    """Write a new plugin with a hook, a test and a README, into the folder serena-NAME."""
    from adapters.cli.scaffold import write_plugin

    folder = write_plugin(name, into)
    typer.echo(f"{folder}: run its tests with `python -m pytest`, install it with `pip install -e {folder}`")


def _nothing(hook: str | None) -> str:
    if hook:
        return f"no plugin implements {hook}"
    return "no plugin is installed; --all shows the built-in ones"
