"""What users keep in files: options, styles, embeddings and the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.domain.job import StyleText
from core.domain.options import OptionValue
from core.domain.resources import EmbeddingRef, LoraRef, NamedFile


class OptionStore(Protocol):
    """Keeps the options that users changed."""

    def load(self) -> Mapping[str, OptionValue]: ...

    def save(self, changed: Mapping[str, OptionValue]) -> None:
        """All or nothing. Raises ``StorageError``."""
        ...


class ResourceFiles(Protocol):
    """The files beside the checkpoints. Each call looks again."""

    def loras(self) -> Sequence[LoraRef]: ...

    def vaes(self) -> Sequence[NamedFile]: ...

    def embeddings(self) -> Sequence[EmbeddingRef]: ...


class StyleLibrary(Protocol):
    """The named styles that users keep."""

    def all(self) -> Sequence[StyleText]: ...
