"""What several commands share: their flags, the host, and the settings that the flags make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from adapters.application import Host
    from adapters.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data folder: outputs, models, options. Default: the working folder."),
]
Backend = Annotated[
    str | None, typer.Option("--backend", help="What draws: fake, torch or a plugin's backend.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        help="URL of a server to work on, as http://name:password@host:7860. Default: this machine, in the "
        "data folder.",
        metavar="URL",
    ),
]


def host_of(context: typer.Context) -> Host:
    return cast("Host", context.obj)


def settings_from(
    data_dir: Path | None = None, backend: str | None = None, host: str | None = None, port: int | None = None
) -> Settings:
    """The settings with these flags over them; a flag not given leaves file and environment alone."""
    # Not at the top: --help should not wait for pydantic.
    from adapters.settings import load_settings

    http = _given(host=host, port=port)
    flags = _given(data_dir=data_dir, backend=_given(name=backend) or None, http=http or None)
    return load_settings(**flags)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
