"""Words that vectors stand for: which of them a text has, and what the encoders are handed for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from torch import Tensor

from core.prompt.chunks import chunk_prompt
from core.prompt.emphasis import Emphasis
from core.prompt.tokens import EmbeddingTable, Tokenizer

KNOWN_NAMES = 16384
"""Of how many names it is known how they read."""


@dataclass(frozen=True, slots=True)
class Words:
    """What stands for some names. Two are equal whose names and keys are.

    :ivar keys: of each its name, and what stands for its vectors.
    :ivar vectors: (vectors, width) for each encoder of the model.
    """

    keys: frozenset[tuple[str, str]] = frozenset()
    vectors: Mapping[str, tuple[Tensor, ...]] = field(default_factory=dict, compare=False)

    def only(self, names: Iterable[str]) -> Words:
        """Those of them that have one of the names."""
        kept = frozenset(names)
        return Words(
            frozenset(pair for pair in self.keys if pair[0] in kept),
            {name: vectors for name, vectors in self.vectors.items() if name in kept},
        )

    def counts(self) -> dict[str, int]:
        """How many vectors each has."""
        return {name: int(vectors[0].shape[0]) for name, vectors in self.vectors.items()}


NO_WORDS = Words()


class NameReader:
    """Finds names in texts, as a tokenizer reads both. The tokenizer serves one thread at a time."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: Callable[[str], tuple[int, ...]] = lru_cache(KNOWN_NAMES)(
            lambda name: tuple(tokenizer.encode(name))
        )

    def table(self, counts: Mapping[str, int]) -> EmbeddingTable:
        """From names and how many vectors each has."""
        return EmbeddingTable.of(counts, self._ids)

    def find(self, names: Iterable[str], texts: Sequence[str], emphasis: Emphasis) -> frozenset[str]:
        """Those that stand in one of the texts: where several begin at one place, the longest."""
        table = self.table(dict.fromkeys(names, 1))
        return frozenset(
            fix.name
            for text in texts
            for chunk in chunk_prompt(text, self._tokenizer, emphasis=emphasis, embeddings=table).chunks
            for fix in chunk.fixes
        )
