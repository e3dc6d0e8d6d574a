"""Prompts to conditioning: chunks through the text encoder, weights applied, kept in a cache."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from adapters.backends.torch.embedded_chunks import EmbeddedChunks
from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.engine.merger import Lane
from adapters.backends.torch.families.kinds import CLIP_L, ClipSkip, EncoderKind
from adapters.backends.torch.kept import Kept
from adapters.backends.torch.words import NO_WORDS, NameReader, Words
from core.prompt.chunks import PromptChunk, chunk_prompt, empty_chunk
from core.prompt.emphasis import Emphasis

CACHED_TEXTS = 256


@dataclass(frozen=True, slots=True)
class TextOptions:
    """The options that decide what the encoder sees and what becomes of its answer.

    :ivar first_skips: the first of two encoders heeds ``clip_skip`` too.
    :ivar t5: SD3 reads the text with T5 as well.
    :ivar alone: it shares no call with the texts of other runs, so that it does not even differ by rounding.
    :ivar words: those that vectors stand for.
    """

    emphasis: Emphasis
    clip_skip: int
    comma_backtrack: int
    first_skips: bool = False
    t5: bool = False
    alone: bool = False
    words: Words = NO_WORDS


@dataclass(frozen=True, slots=True)
class EncodedText:
    """What a network is told of a text.

    :ivar context: (tokens, width). :ivar pooled: (numbers,), of the text as a whole; None where none is told.
    """

    context: Tensor
    pooled: Tensor | None = None


class Prompts(Protocol):
    """The prompts of a model. Safe from several threads."""

    @property
    def calls(self) -> int:
        """How often a network of it was called."""
        ...

    @property
    def widths(self) -> tuple[int, ...]:
        """Of the vectors that may stand for a word, one for each encoder; empty where none may."""
        ...

    def find(self, names: Iterable[str], texts: Sequence[str], emphasis: Emphasis) -> frozenset[str]:
        """The names that are read in one of the texts. None is without ``widths``."""
        ...

    def encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[EncodedText, ...]:
        """One for each text. The texts of one prompt's schedule belong together."""
        ...


class ClipTokenizer:
    """A ``core.prompt`` tokenizer over one of transformers.

    :param pads_with_end: whatever the tokenizer's own padding is; else it pads with token 0.
    """

    def __init__(self, tokenizer: Any, pads_with_end: bool = True) -> None:
        self._tokenizer = tokenizer
        self._pads_with_end = pads_with_end
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
        return self.eos_id if self._pads_with_end else 0

    @property
    def comma_id(self) -> int | None:
        return self._comma

    def encode(self, text: str) -> Sequence[int]:
        ids: list[int] = self._tokenizer(text, truncation=False, add_special_tokens=False).input_ids
        return ids


class TextEncoder:
    """Encodes groups of texts with one network. Safe from several threads; ``calls`` counts calls of it.

    Chunks of different groups share a call where the lane lets them; those with vectors for words never do.

    :param kind: which of its layers is taken, and how.
    :param widths: of all encoders of the model: what stands for a word has vectors for every one of them.
    :param place: which of them this is.
    :param lane: the network is asked through it; every encoder with the same network has the same one.
    """

    def __init__(
        self,
        tokenizer: Any,
        network: Any,
        device: torch.device,
        kind: EncoderKind = CLIP_L,
        widths: tuple[int, ...] | None = None,
        place: int = 0,
        lane: Lane | None = None,
    ) -> None:
        self._tokenizer = ClipTokenizer(tokenizer, kind.pads_with_end)
        self._names = NameReader(self._tokenizer)
        self._network = network
        self._device = device
        self._kind = kind
        self.widths = widths or (int(network.config.hidden_size),)
        self._place = place
        self._embedded = EmbeddedChunks(network)
        self._lane = lane or Lane(time.monotonic)
        self._cache: Kept[tuple[tuple[str, ...], TextOptions], tuple[EncodedText, ...]] = Kept(CACHED_TEXTS)
        self._lock = threading.Lock()
        self.calls = 0

    def encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[Tensor, ...]:
        """One (tokens, width) tensor for each text; all of the same length.

        The texts of one prompt's schedule belong together: shorter ones are filled up with empty chunks, and
        emphasis keeps the mean over all of them, as in the reference.
        """
        return tuple(text.context for text in self.encode_whole(texts, options))

    def encode_whole(self, texts: tuple[str, ...], options: TextOptions) -> tuple[EncodedText, ...]:
        """As :meth:`encode`, with what is told of each text as a whole: that of its first chunk."""
        heard = options.words.only(self.find(options.words.vectors, texts, options.emphasis))
        how = replace(options, alone=options.alone and self._lane.shares, words=heard)
        return self._cache.get((texts, how), lambda: self._encode(texts, how))

    def find(self, names: Iterable[str], texts: Sequence[str], emphasis: Emphasis) -> frozenset[str]:
        """The names that are read in one of the texts."""
        if not (wanted := tuple(names)):
            return frozenset()
        with self._lock:
            return self._names.find(wanted, texts, emphasis)

    def _encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[EncodedText, ...]:
        with self._lock:  # the tokenizer serves one at a time
            distinct = {text: self._chunks(text, options) for text in texts}
        longest = max(len(chunks) for chunks in distinct.values())
        filler = empty_chunk(self._tokenizer)
        rows = [[*distinct[text], *[filler] * (longest - len(distinct[text]))] for text in texts]
        columns = [self._encode_chunks([row[i] for row in rows], options) for i in range(longest)]
        return tuple(
            EncodedText(torch.cat([column[i].context for column in columns]), columns[0][i].pooled)
            for i in range(len(texts))
        )

    def _chunks(self, text: str, options: TextOptions) -> tuple[PromptChunk, ...]:
        return chunk_prompt(
            text,
            self._tokenizer,
            emphasis=options.emphasis,
            comma_backtrack=options.comma_backtrack,
            embeddings=self._names.table(options.words.counts()),
        ).chunks

    def _encode_chunks(self, chunks: list[PromptChunk], options: TextOptions) -> list[EncodedText]:
        """The i-th chunk of every text of a group."""
        distinct = list(dict.fromkeys(chunks))
        hidden, pooled = self._run(distinct, options)
        places = [distinct.index(chunk) for chunk in chunks]
        contexts = self._weighted(hidden[places], chunks, options.emphasis)
        wholes = [None] * len(chunks) if pooled is None else list(pooled[places])
        return [EncodedText(context, whole) for context, whole in zip(contexts, wholes, strict=True)]

    def _weighted(self, z: Tensor, chunks: list[PromptChunk], emphasis: Emphasis) -> list[Tensor]:
        if emphasis not in (Emphasis.ORIGINAL, Emphasis.NO_NORM):
            return list(z)
        weights = torch.tensor([chunk.weights for chunk in chunks], dtype=z.dtype, device=z.device)
        weighted = z * weights[..., None]
        if emphasis is Emphasis.ORIGINAL:
            weighted = weighted * (z.mean() / weighted.mean())
        return list(weighted)

    def _run(self, chunks: list[PromptChunk], options: TextOptions) -> tuple[Tensor, Tensor | None]:
        """The hidden state of each chunk, and what is told of it as a whole."""
        ids = torch.tensor([chunk.tokens for chunk in chunks], device=self._device)
        vectors = [
            [(fix.offset + 1, options.words.vectors[fix.name][self._place]) for fix in chunk.fixes]
            for chunk in chunks
        ]
        layer = self._layer(options)

        def forward(rows: Rows) -> Tensor:
            self.calls += 1
            with torch.inference_mode(), self._embedded.holding(vectors):
                hidden, pooled = self._answer(rows["ids"], layer)
                flat = hidden.flatten(1)
                return flat if pooled is None else torch.cat([flat, pooled], dim=1)

        question = Question((id(self._network), layer), forward, {"ids": ids})
        answer = self._lane.ask(question, alone=options.alone or any(vectors))
        width = self.widths[self._place]
        hidden, pooled = torch.tensor_split(answer, [ids.shape[1] * width], dim=1)
        return hidden.reshape(len(chunks), -1, width), pooled if self._kind.pooled else None

    def _answer(self, ids: Tensor, layer: int) -> tuple[Tensor, Tensor | None]:
        output = self._network(ids, output_hidden_states=layer > 1 or not self._kind.normed)
        pooled: Tensor | None = None
        if self._kind.pooled:
            pooled = output.text_embeds if self._kind.projected else output.pooler_output
        if layer <= 1 and self._kind.normed:
            return output.last_hidden_state, pooled
        hidden = output.hidden_states[-min(layer, len(output.hidden_states))]
        network = getattr(self._network, "text_model", self._network)
        return network.final_layer_norm(hidden) if self._kind.normed else hidden, pooled

    def _layer(self, options: TextOptions) -> int:
        skips = self._kind.skips
        heeded = skips is ClipSkip.ALWAYS or (skips is ClipSkip.BY_OPTION and options.first_skips)
        return options.clip_skip if heeded else self._kind.layer


class PromptEncoder:
    """The text encoders of a model as one: their contexts side by side, and what the last one that tells
    anything of a text as a whole tells."""

    def __init__(self, encoders: Sequence[TextEncoder]) -> None:
        self._encoders = tuple(encoders)

    @classmethod
    def of(
        cls,
        encoders: Sequence[tuple[EncoderKind, Any, Any]],
        device: torch.device,
        lane: Lane | None = None,
    ) -> PromptEncoder:
        """``encoders``: what each is, its tokenizer and its network. ``lane``: theirs."""
        widths = tuple(int(network.config.hidden_size) for _, _, network in encoders)
        return cls(
            [
                TextEncoder(tokenizer, network, device, kind, widths, place, lane)
                for place, (kind, tokenizer, network) in enumerate(encoders)
            ]
        )

    @property
    def calls(self) -> int:
        """Of all networks together."""
        return sum(encoder.calls for encoder in self._encoders)

    @property
    def widths(self) -> tuple[int, ...]:
        return self._encoders[0].widths

    def find(self, names: Iterable[str], texts: Sequence[str], emphasis: Emphasis) -> frozenset[str]:
        """As :meth:`TextEncoder.find`: CLIP's tokenizers read alike."""
        return self._encoders[0].find(names, texts, emphasis)

    def encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[EncodedText, ...]:
        """One for each text, of the same length; as :meth:`TextEncoder.encode`."""
        first, *others = (encoder.encode_whole(texts, options) for encoder in self._encoders)
        for other in others:
            first = tuple(_beside(one, more) for one, more in zip(first, other, strict=True))
        return first


def _beside(one: EncodedText, more: EncodedText) -> EncodedText:
    pooled = more.pooled if more.pooled is not None else one.pooled
    return EncodedText(torch.cat([one.context, more.context], dim=-1), pooled)
