"""A catalog that is told of models beside those it finds."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.model import ModelIdentity, ModelRef
from core.domain.model_report import ModelProblem, ModelReport
from core.ports.driven import ModelCatalog


class HandedModels:
    """A ``ModelCatalog`` over another one. A model that was handed over is found by its title or hash with no
    look at the disk, where others would be hashed first."""

    def __init__(self, others: ModelCatalog) -> None:
        self._others = others
        self._handed: dict[str, ModelRef] = {}

    def learn(self, models: Sequence[ModelRef]) -> None:
        self._handed |= {model.identity.sha256: model for model in models}
        self._handed |= {model.identity.title: model for model in models}

    def find(self, name: str) -> ModelRef | None:
        return self._handed.get(name) or self._others.find(name)

    def all(self) -> Sequence[ModelRef]:
        return self._others.all()

    def problem(self, name: str) -> str | None:
        return self._others.problem(name)

    def problems(self) -> Sequence[ModelProblem]:
        return self._others.problems()

    def report(self, model: ModelRef) -> ModelReport:
        return self._others.report(model)

    def vae(self, model: ModelRef, option: str) -> ModelIdentity | None:
        return self._others.vae(model, option)

    def refresh(self) -> None:
        self._others.refresh()
