"""Prompts to conditioning: chunks through the text encoder, weights applied, kept in a cache."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.inversions import EmbeddedChunks, Inversions
from core.prompt.chunks import PromptChunk, chunk_prompt, empty_chunk
from core.prompt.emphasis import Emphasis
from core.prompt.tokens import EmbeddingTable

CACHED_TEXTS = 256


@dataclass(frozen=True, slots=True)
class TextOptions:
    """The options that decide what the encoder sees and what becomes of its answer."""

    emphasis: Emphasis
    clip_skip: int
    comma_backtrack: int


class ClipTokenizer:
    """A ``core.prompt`` tokenizer over one of transformers."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # Without this it warns of every prompt that needs a second chunk, which is no fault here.
        tokenizer.deprecation_warnings["sequence-length-is-longer-than-the-specified-maximum"] = True
        self._comma: int | None = tokenizer.get_vocab().get(",</w>")

    @property
    def bos_id(self) -> int:
        return int(self._tokenizer.bos_token_id)

    @property
    def eos_id(self) -> int:
        return int(self._tokenizer.eos_token_id)

    @property
    def pad_id(self) -> int:
        """SD1 pads with the end token whatever the tokenizer's own padding is."""
        return self.eos_id

    @property
    def comma_id(self) -> int | None:
        return self._comma

    def encode(self, text: str) -> Sequence[int]:
        ids: list[int] = self._tokenizer(text, truncation=False, add_special_tokens=False).input_ids
        return ids


class TextEncoder:
    """Encodes groups of texts. Safe from several threads; ``calls`` counts calls of the network."""

    def __init__(
        self, tokenizer: Any, network: Any, device: torch.device, inversions: Inversions | None = None
    ) -> None:
        self._tokenizer = ClipTokenizer(tokenizer)
        self._network = network
        self._device = device
        self._inversions = inversions or Inversions()
        self._embedded = EmbeddedChunks(network)
        self._cache: OrderedDict[tuple[object, ...], tuple[Tensor, ...]] = OrderedDict()
        self._lock = threading.Lock()
        self.calls = 0

    def encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[Tensor, ...]:
        """One (tokens, width) tensor for each text; all of the same length.

        The texts of one prompt's schedule belong together: shorter ones are filled up with empty chunks, and
        emphasis keeps the mean over all of them, as in the reference.
        """
        with self._lock:
            # A changed file of the folder is another encoding of the same text.
            key = (texts, options, self._inversions.refresh())
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
            encoded = self._encode(texts, options)
            self._cache[key] = encoded
            if len(self._cache) > CACHED_TEXTS:
                self._cache.popitem(last=False)
            return encoded

    def _encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[Tensor, ...]:
        distinct = {text: self._chunks(text, options) for text in texts}
        longest = max(len(chunks) for chunks in distinct.values())
        filler = empty_chunk(self._tokenizer)
        rows = [[*distinct[text], *[filler] * (longest - len(distinct[text]))] for text in texts]
        columns = [self._encode_chunks([row[i] for row in rows], options) for i in range(longest)]
        return tuple(torch.cat([column[i] for column in columns]) for i in range(len(texts)))

    def _chunks(self, text: str, options: TextOptions) -> tuple[PromptChunk, ...]:
        return chunk_prompt(
            text,
            self._tokenizer,
            emphasis=options.emphasis,
            comma_backtrack=options.comma_backtrack,
            embeddings=EmbeddingTable.of(self._inversions.counts(self._width), self._tokenizer),
        ).chunks

    @property
    def _width(self) -> int:
        return int(self._network.config.hidden_size)

    def _encode_chunks(self, chunks: list[PromptChunk], options: TextOptions) -> list[Tensor]:
        """The i-th chunk of every text of a group."""
        distinct = list(dict.fromkeys(chunks))
        hidden = dict(zip(distinct, self._hidden(distinct, options.clip_skip), strict=True))
        z = torch.stack([hidden[chunk] for chunk in chunks])
        if options.emphasis not in (Emphasis.ORIGINAL, Emphasis.NO_NORM):
            return list(z)
        weights = torch.tensor([chunk.weights for chunk in chunks], dtype=z.dtype, device=z.device)
        weighted = z * weights[..., None]
        if options.emphasis is Emphasis.ORIGINAL:
            weighted = weighted * (z.mean() / weighted.mean())
        return list(weighted)

    def _hidden(self, chunks: list[PromptChunk], clip_skip: int) -> Tensor:
        self.calls += 1
        ids = torch.tensor([chunk.tokens for chunk in chunks], device=self._device)
        vectors = [
            [(fix.offset + 1, self._inversions.vectors[fix.name]) for fix in chunk.fixes] for chunk in chunks
        ]
        with torch.inference_mode(), self._embedded.holding(vectors):
            output = self._network(ids, output_hidden_states=clip_skip > 1)
            if clip_skip <= 1:
                hidden: Tensor = output.last_hidden_state
                return hidden
            depth = min(clip_skip, len(output.hidden_states))
            network = getattr(self._network, "text_model", self._network)
            normed: Tensor = network.final_layer_norm(output.hidden_states[-depth])
            return normed
