"""``serena version``."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import typer

from adapters.cli.common import AsJson

# Read from what pip wrote, since importing torch to ask it takes seconds.
LIBRARIES = ("torch", "diffusers", "transformers", "fastapi", "pydantic")


def version(as_json: AsJson = False) -> None:
    """Show the version of Serena, and with --json those of what it runs on."""
    ours = _installed("serena") or "0+unknown"
    if not as_json:
        typer.echo(f"serena {ours}")
        return
    libraries = {name: _installed(name) for name in LIBRARIES}
    versions = {
        "serena": ours,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **libraries,
    }
    typer.echo(json.dumps(versions, indent=2))


def _installed(distribution: str) -> str | None:
    try:
        return version_of(distribution)
    except PackageNotFoundError:
        return None
