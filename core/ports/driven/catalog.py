"""Which checkpoints there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.domain.model import ModelIdentity, ModelRef
from core.domain.model_report import ModelProblem, ModelReport


class ModelCatalog(Protocol):
    """Which checkpoints there are."""

    def all(self) -> Sequence[ModelRef]:
        """In the order they are listed to users. Large files may have no hash yet."""
        ...

    def find(self, name: str) -> ModelRef | None:
        """By title, name, model name, stem, short hash or sha256. What is found has its hash."""
        ...

    def problem(self, name: str) -> str | None:
        """Why what lies under that name is not offered; None when nothing lies there."""
        ...

    def problems(self) -> Sequence[ModelProblem]:
        """What looks like a checkpoint and is not offered. Places are told as below the models folder."""
        ...

    def report(self, model: ModelRef) -> ModelReport:
        """What its headers say; ``path`` is its name. Never raises for what lies there."""
        ...

    def vae(self, model: ModelRef, option: str) -> ModelIdentity | None:
        """The VAE in a file of its own that ``sd_vae`` means for a model, with its hash; None: the model's
        own. Raises ``InvalidValue`` for one that there is not, ``ModelError`` for one that, as far as its
        header tells, is broken or does not fit."""
        ...

    def refresh(self) -> None: ...
