"""``serena backends``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from adapters.cli.common import AsJson, DataDir, host_of, settings_from
from adapters.cli.listing import show


def backends(context: typer.Context, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what can draw, and why one cannot."""
    rows = [asdict(backend) for backend in host_of(context).backends(settings_from(data_dir))]
    show(
        rows,
        ("name", "available", "distribution", "reason"),
        as_json=as_json,
        empty="no backend is installed",
    )
