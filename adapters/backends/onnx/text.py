"""Prompts to conditioning: chunks through the text encoder, weights applied, kept in a cache."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapters.backends.onnx.arrays import Floats
from adapters.backends.onnx.layout import Export
from core.domain.options import OptionValues
from core.prompt.chunks import PromptChunk, chunk_prompt, empty_chunk
from core.prompt.emphasis import Emphasis

CACHED_TEXTS = 256


@dataclass(frozen=True, slots=True)
class TextOptions:
    """The options that decide what the encoder sees and what becomes of its answer."""

    emphasis: Emphasis
    clip_skip: int
    comma_backtrack: int

    @classmethod
    def of(cls, options: OptionValues) -> TextOptions:
        return cls(
            Emphasis.of(options.text("emphasis")),
            int(options.number("CLIP_stop_at_last_layers")),
            int(options.number("comma_padding_backtrack")),
        )


class ExportTokenizer:
    """A ``core.prompt`` tokenizer over one of the package tokenizers."""

    def __init__(self, tokenizer: Any, export: Export) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self._export = export

    @property
    def bos_id(self) -> int:
        return self._export.bos

    @property
    def eos_id(self) -> int:
        return self._export.eos

    @property
    def pad_id(self) -> int:
        return self._export.eos

    @property
    def comma_id(self) -> int | None:
        return self._export.comma

    def encode(self, text: str) -> Sequence[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


class PromptEncoder:
    """Encodes groups of texts. Safe from several threads.

    :param network: (texts, 77) tokens to every hidden state, the last one last: (states, texts, 77, width).
    """

    def __init__(self, tokenizer: ExportTokenizer, network: Callable[..., Floats]) -> None:
        self._tokenizer = tokenizer
        self._network = network
        self._cache: OrderedDict[tuple[object, ...], tuple[Floats, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[Floats, ...]:
        """One (tokens, width) array for each text; all of the same length.

        The texts of one prompt's schedule belong together: shorter ones are filled up with empty chunks, and
        emphasis keeps the mean over all of them, as in the reference.
        """
        key = (texts, options)
        with self._lock:
            if key not in self._cache:
                self._cache[key] = self._encode(texts, options)
            self._cache.move_to_end(key)
            if len(self._cache) > CACHED_TEXTS:
                self._cache.popitem(last=False)
            return self._cache[key]

    def _encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[Floats, ...]:
        rows = [list(self._chunks(text, options)) for text in texts]
        longest = max(len(row) for row in rows)
        for row in rows:
            row.extend([empty_chunk(self._tokenizer)] * (longest - len(row)))
        columns = [self._encode_chunks([row[i] for row in rows], options) for i in range(longest)]
        return tuple(np.concatenate([column[i] for column in columns]) for i in range(len(texts)))

    def _chunks(self, text: str, options: TextOptions) -> Sequence[PromptChunk]:
        return chunk_prompt(
            text, self._tokenizer, emphasis=options.emphasis, comma_backtrack=options.comma_backtrack
        ).chunks

    def _encode_chunks(self, chunks: list[PromptChunk], options: TextOptions) -> Floats:
        """The i-th chunk of every text of a group."""
        states = self._network(tokens=np.array([chunk.tokens for chunk in chunks], np.int64))
        z: Floats = states[-min(max(options.clip_skip, 1), len(states))]
        if options.emphasis not in (Emphasis.ORIGINAL, Emphasis.NO_NORM):
            return z
        weighted: Floats = z * np.array([chunk.weights for chunk in chunks], np.float32)[..., None]
        kept = z.mean() / weighted.mean() if options.emphasis is Emphasis.ORIGINAL else 1.0
        return weighted * np.float32(kept)
