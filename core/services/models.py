"""What there is to choose from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.domain.errors import SerenaError
from core.domain.model import ModelRef
from core.domain.model_report import ModelProblem, ModelReport
from core.ports.driven import ModelCatalog
from core.stages.lookup import unknown_model


class ModelBrowser:
    """``BrowseModels`` over a catalog.

    :param choose: the model that a request which names none would draw with.
    """

    def __init__(self, catalog: ModelCatalog, choose: Callable[[], ModelRef]) -> None:
        self._catalog = catalog
        self._choose = choose

    def models(self) -> Sequence[ModelRef]:
        return self._catalog.all()

    def refresh(self) -> None:
        self._catalog.refresh()

    def find(self, name: str) -> ModelRef:
        found = self._catalog.find(name)
        if found is None:
            raise unknown_model(name, self._catalog)
        return found

    def report(self, model: ModelRef) -> ModelReport:
        return self._catalog.report(model)

    def problems(self) -> Sequence[ModelProblem]:
        return self._catalog.problems()

    def current(self) -> ModelRef | None:
        try:
            return self._choose()
        except SerenaError:
            return None
