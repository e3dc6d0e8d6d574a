"""``serena models``."""

from __future__ import annotations

from typing import Any

import typer

from adapters.cli.common import AsJson, Backend, DataDir, host_of, settings_from
from adapters.cli.listing import show
from core.domain.model import ModelRef


def models(
    context: typer.Context, data_dir: DataDir = None, backend: Backend = None, as_json: AsJson = False
) -> None:
    """List the checkpoints there are to draw with."""
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


def _row(model: ModelRef, current: ModelRef | None) -> dict[str, Any]:
    identity = model.identity
    return {
        "title": identity.title,
        "name": identity.name,
        "model_name": identity.model_name,
        "hash": identity.short_hash,
        "sha256": identity.sha256,
        "location": model.location,
        "config": model.config,
        "current": current is not None and current.identity == identity,
    }
