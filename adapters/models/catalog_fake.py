"""The catalog of a backend that brings its own models."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.models.aliases import find_by_name
from core.domain.families import TITLES
from core.domain.model import ModelIdentity, ModelRef
from core.domain.model_report import ModelProblem, ModelReport


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

    def problems(self) -> Sequence[ModelProblem]:
        return ()

    def report(self, model: ModelRef) -> ModelReport:
        return ModelReport(path=model.identity.name, family=TITLES.get(model.family))

    def vae(self, model: ModelRef, option: str) -> ModelIdentity | None:
        return None

    def refresh(self) -> None:
        """There is nothing that could change."""
