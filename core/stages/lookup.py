"""The error for a checkpoint that a catalog does not offer."""

from __future__ import annotations

from core.domain.errors import UnknownModel
from core.ports.driven import ModelCatalog


def unknown_model(name: str, catalog: ModelCatalog) -> UnknownModel:
    """Names what there is, or, where something broken lies under the name, what is wrong with it."""
    return UnknownModel(name, tuple(ref.identity.title for ref in catalog.all()), catalog.problem(name))
