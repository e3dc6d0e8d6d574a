"""A text as chunks of 75 tokens with a weight for each token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.prompt.attention import BREAK
from core.prompt.emphasis import Emphasis
from core.prompt.tokens import EmbeddingTable, Tokenizer

CHUNK = 75
"""Tokens of the prompt in one chunk, without its start and end token."""


@dataclass(frozen=True, slots=True)
class Fix:
    """The embedding ``name`` takes the ``vectors`` positions from ``offset`` on.

    ``offset`` counts from the first token after the start token: in ``PromptChunk.tokens`` it is
    ``offset + 1``. The tokens there are 0 and stand for nothing.
    """

    offset: int
    name: str
    vectors: int


@dataclass(frozen=True, slots=True)
class PromptChunk:
    """What a text encoder is given at once: 77 token ids, as many weights, the embeddings."""

    tokens: tuple[int, ...]
    weights: tuple[float, ...]
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkedPrompt:
    """A text's chunks, at least one. ``token_count``: 75 for each full chunk, the last as it is."""

    chunks: tuple[PromptChunk, ...]
    token_count: int


_NO_EMBEDDINGS = EmbeddingTable()


def chunk_prompt(
    text: str,
    tokenizer: Tokenizer,
    *,
    emphasis: Emphasis = Emphasis.ORIGINAL,
    comma_backtrack: int = 20,
    embeddings: EmbeddingTable = _NO_EMBEDDINGS,
) -> ChunkedPrompt:
    """``comma_backtrack``: how many tokens behind a comma may move to the next chunk so that a phrase
    stays whole; 0: never."""
    chunker = _Chunker(tokenizer, comma_backtrack, embeddings)
    for segment, weight in emphasis.parse(text):
        if (segment, weight) == BREAK:
            chunker.next_chunk()
        else:
            chunker.add(tokenizer.encode(segment), 1.0 if emphasis is Emphasis.IGNORE else weight)
    return chunker.finish()


def empty_chunk(tokenizer: Tokenizer) -> PromptChunk:
    """The chunk that fills up a shorter prompt next to a longer one."""
    return _Open().close(tokenizer)


@dataclass(slots=True)
class _Open:
    """The chunk being filled."""

    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)
    comma: int = -1

    def put(self, tokens: Sequence[int], weight: float) -> None:
        self.tokens += tokens
        self.weights += [weight] * len(tokens)

    def split_behind_comma(self) -> _Open:
        """Takes what follows the last comma out, into a chunk of its own."""
        cut = self.comma + 1
        moved = [Fix(fix.offset - cut, fix.name, fix.vectors) for fix in self.fixes if fix.offset >= cut]
        rest = _Open(self.tokens[cut:], self.weights[cut:], moved)
        del self.tokens[cut:], self.weights[cut:]
        self.fixes = [fix for fix in self.fixes if fix.offset < cut]
        return rest

    def close(self, tokenizer: Tokenizer) -> PromptChunk:
        missing = CHUNK - len(self.tokens)
        end = tokenizer.eos_id
        tokens = [tokenizer.bos_id, *self.tokens, *[end] * (missing + 1)]
        if tokenizer.pad_id != end:
            padding_from = tokens.index(end, 1) + 1
            tokens[padding_from:] = [tokenizer.pad_id] * (len(tokens) - padding_from)
        weights = (1.0, *self.weights, *[1.0] * (missing + 1))
        return PromptChunk(tuple(tokens), weights, tuple(self.fixes))


class _Chunker:
    def __init__(self, tokenizer: Tokenizer, comma_backtrack: int, embeddings: EmbeddingTable) -> None:
        self._tokenizer = tokenizer
        self._backtrack = comma_backtrack
        self._embeddings = embeddings
        self._open = _Open()
        self._done: list[PromptChunk] = []
        self._count = 0

    def next_chunk(self, then: _Open | None = None) -> None:
        self._count += CHUNK
        self._done.append(self._open.close(self._tokenizer))
        self._open = then or _Open()

    def add(self, ids: Sequence[int], weight: float) -> None:
        at = 0
        while at < len(ids):
            self._make_room(ids[at])
            embedding = self._embeddings.match(ids, at)
            if embedding is None or embedding.vectors > CHUNK:
                self._open.put(ids[at : at + 1], weight)
                at += 1
                continue
            if len(self._open.tokens) + embedding.vectors > CHUNK:
                self.next_chunk()
            self._open.fixes.append(Fix(len(self._open.tokens), embedding.name, embedding.vectors))
            self._open.put([0] * embedding.vectors, weight)
            at += len(embedding.ids)

    def _make_room(self, token: int) -> None:
        chunk = self._open
        full = len(chunk.tokens) == CHUNK
        if token == self._tokenizer.comma_id:
            chunk.comma = len(chunk.tokens)
        elif full and chunk.comma != -1 and CHUNK - chunk.comma <= self._backtrack:
            self.next_chunk(chunk.split_behind_comma())
        if len(self._open.tokens) == CHUNK:
            self.next_chunk()

    def finish(self) -> ChunkedPrompt:
        if self._open.tokens or not self._done:
            self._count += len(self._open.tokens)
            self._done.append(self._open.close(self._tokenizer))
        return ChunkedPrompt(tuple(self._done), self._count)
