"""The names by which a user may ask for a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.model import ModelIdentity, ModelRef


def names_of(identity: ModelIdentity) -> tuple[str, ...]:
    return (
        identity.title,
        identity.name,
        identity.model_name,
        identity.stem,
        identity.short_hash,
        identity.sha256,
    )


def find_by_name(models: Sequence[ModelRef], name: str) -> ModelRef | None:
    """The first model that has exactly this name; a title counts before a stem, wherever it is listed."""
    if not name:
        return None
    for rank in range(6):
        for model in models:
            if names_of(model.identity)[rank] == name:
                return model
    return None
