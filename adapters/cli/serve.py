"""``serena serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.cli.common import Backend, DataDir, host_of, settings_from


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes a free one. Default: 7860.")
    ] = None,
    data_dir: DataDir = None,
    backend: Backend = None,
) -> None:
    """Serve the HTTP API until a signal."""
    host_of(context).serve(settings_from(data_dir, backend, host, port))
