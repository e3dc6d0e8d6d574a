"""``serena _worker``: not for people."""

from __future__ import annotations

import typer

from adapters.cli.common import host_of


def worker(context: typer.Context) -> None:
    """Draw for the server that started this process, until it goes. It says over the pipes what to do."""
    host_of(context).work()
