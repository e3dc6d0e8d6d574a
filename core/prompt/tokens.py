"""What the chunker asks of a tokenizer, and the embeddings (textual inversion) it looks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Tokenizer(Protocol):
    """Text to token ids, without start, end or padding and without cutting at any length."""

    @property
    def bos_id(self) -> int: ...
    @property
    def eos_id(self) -> int: ...
    @property
    def pad_id(self) -> int: ...
    @property
    def comma_id(self) -> int | None:
        """The id of a comma that ends a word (``,</w>``)."""

    def encode(self, text: str) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Embedding:
    """A textual inversion: the token ids that its name reads as, and how many vectors it has."""

    name: str
    ids: tuple[int, ...]
    vectors: int


class EmbeddingTable:
    """Finds the longest embedding that begins at a place among token ids."""

    def __init__(self, embeddings: Iterable[Embedding] = ()) -> None:
        self._by_first: dict[int, list[Embedding]] = {}
        for embedding in embeddings:
            if embedding.ids and embedding.vectors > 0:
                self._by_first.setdefault(embedding.ids[0], []).append(embedding)
        for candidates in self._by_first.values():
            candidates.sort(key=lambda embedding: len(embedding.ids), reverse=True)

    @classmethod
    def of(cls, vectors: Mapping[str, int], read: Callable[[str], Sequence[int]]) -> EmbeddingTable:
        """From names and vector counts; ``read``: as which token ids a name reads."""
        return cls(Embedding(name, tuple(read(name)), count) for name, count in vectors.items())

    def match(self, ids: Sequence[int], at: int) -> Embedding | None:
        for embedding in self._by_first.get(ids[at], ()):
            if tuple(ids[at : at + len(embedding.ids)]) == embedding.ids:
                return embedding
        return None
