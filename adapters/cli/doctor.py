"""``serena doctor``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from adapters.cli.common import AsJson, Backend, DataDir, host_of, settings_from
from adapters.cli.errors import FAILED
from adapters.cli.listing import show


def doctor(
    context: typer.Context, data_dir: DataDir = None, backend: Backend = None, as_json: AsJson = False
) -> None:
    """Say what is wrong with this installation and how to mend it. Ends with 1 if something is."""
    findings = host_of(context).diagnose(settings_from(data_dir, backend))
    rows = [asdict(finding) for finding in findings]
    show(rows, ("topic", "status", "detail", "remedy"), as_json=as_json, empty="nothing was looked at")
    if any(finding.status == "error" for finding in findings):
        raise typer.Exit(FAILED)
