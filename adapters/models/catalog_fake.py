"""The catalog of a backend that brings its own models."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.models.aliases import find_by_name
from core.domain.model import ModelRef


class FakeModelCatalog:
    """A ``ModelCatalog`` of fixed models."""

    def __init__(self, models: Sequence[ModelRef]) -> None:
        self._models = tuple(models)

    def all(self) -> Sequence[ModelRef]:
        return self._models

    def find(self, name: str) -> ModelRef | None:
        return find_by_name(self._models, name)

    def problem(self, name: str) -> str | None:
        return None

    def refresh(self) -> None:
        """There is nothing that could change."""
