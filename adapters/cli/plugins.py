"""``serena plugins``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.cli.common import AsJson, DataDir, Server, host_of, settings_from
from adapters.cli.connecting import connect
from adapters.cli.listing import show

COLUMNS = ("name", "version", "distribution", "builtin", "hooks", "settings", "error")
COLUMNS_THERE = (*COLUMNS[:-1], "failures", "error")

plugins = typer.Typer(invoke_without_command=True)


@plugins.callback()
def list_(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Built-in plugins too.")] = False,
    hook: Annotated[str | None, typer.Option("--hook", help="Only those that implement this hook.")] = None,
    server: Server = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the plugins, what they hook into, why one is not in use, and of a server how each has failed."""
    if context.invoked_subcommand is not None:
        return
    found = _here(context, data_dir) if server is None else _there(server)
    # Asking for a hook asks who takes part in it, and the built-in ones do.
    wanted = [row for row in found if everything or hook or not row["builtin"]]
    rows = [row for row in wanted if hook is None or hook in row["hooks"]]
    if not as_json:
        rows = [_for_people(row) for row in rows]
    columns = COLUMNS if server is None else COLUMNS_THERE
    show(rows, columns, as_json=as_json, empty=_nothing(hook))


@plugins.command("new")
def new(
    name: Annotated[str, typer.Argument(help="What it is called.", metavar="NAME")],
    into: Annotated[Path, typer.Option("--into", help="Folder to make it in.", metavar="FOLDER")] = Path(),
) -> None:
    """Write a new plugin with a hook, a test and a README, into the folder serena-NAME."""
    from adapters.cli.scaffold import write_plugin

    folder = write_plugin(name, into)
    typer.echo(f"{folder}: run its tests with `python -m pytest`, install it with `pip install -e {folder}`")


def _here(context: typer.Context, data_dir: Path | None) -> list[dict[str, Any]]:
    """Those that would be loaded on this machine."""
    return [asdict(report) for report in host_of(context).plugins(settings_from(data_dir))]


def _there(server: str) -> list[dict[str, Any]]:
    """Those that a server has loaded, with what its runs have seen of them."""
    with connect(server) as client:
        return [plugin.model_dump(mode="json") for plugin in client.plugins()]


def _for_people(row: Mapping[str, Any]) -> dict[str, Any]:
    settings = [one if isinstance(one, str) else one["option"] for one in row["settings"]]
    return {**row, "settings": settings, "failures": _failures(row.get("called", ()))}


def _failures(called: Sequence[Mapping[str, Any]]) -> list[str]:
    """``serena_prepare 3 (1 too late)``: hooks that have failed, and how often."""
    return [
        f"{one['hook']} {one['failures']}" + (f" ({one['late']} too late)" if one["late"] else "")
        for one in called
        if one["failures"]
    ]


def _nothing(hook: str | None) -> str:
    if hook:
        return f"no plugin implements {hook}"
    return "no plugin is installed; --all shows the built-in ones"
