"""Which checkpoints there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.domain.model import ModelRef


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

    def refresh(self) -> None: ...
