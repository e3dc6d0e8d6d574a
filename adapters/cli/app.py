"""The ``serena`` command. It is told its host, so that it knows no wiring."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from adapters.cli import backends, doctor, generate, jobs, models, plugins, serve, version, worker

if TYPE_CHECKING:
    from adapters.application import Host

COMMANDS: tuple[Callable[..., Any], ...] = (
    generate.txt2img,
    generate.img2img,
    serve.serve,
    backends.backends,
    doctor.doctor,
    version.version,
)


def create_cli(host: Host) -> typer.Typer:
    """The command with all its subcommands, working on ``host``."""
    cli = typer.Typer(name="serena", no_args_is_help=True, pretty_exceptions_enable=False)

    @cli.callback()
    def root(
        context: typer.Context,
        _: Annotated[
            bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
        ] = False,
    ) -> None:
        """Turn prompts into pictures: here, or as a server."""
        context.obj = host

    for command in COMMANDS:
        cli.command()(command)
    cli.add_typer(plugins.plugins, name="plugins")
    cli.add_typer(models.models, name="models")
    cli.add_typer(jobs.jobs, name="jobs", no_args_is_help=True)
    cli.command("_worker", hidden=True)(worker.worker)
    return cli


def _show_version(wanted: bool) -> None:
    if wanted:
        version.version()
        raise typer.Exit
