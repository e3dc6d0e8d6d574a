"""Encoders that read whole sentences: T5, and the layers of language models."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.engine.merger import Lane
from adapters.backends.torch.families.flow_kinds import LongEncoderKind, LongText
from adapters.backends.torch.kept import Kept
from core.domain.errors import InvalidValue
from core.prompt.attention import BREAK
from core.prompt.emphasis import Emphasis

MOST_TOKENS = 4096
CACHED_TEXTS = 256


class LongTextEncoder:
    """Encodes texts, and remembers the last ones. Safe from several threads; ``calls`` counts calls of the
    network.

    :param lane: the network is asked through it, where texts of the same number of tokens may share a call.
    """

    def __init__(
        self,
        kind: LongEncoderKind,
        tokenizer: Any,
        network: Any,
        device: torch.device,
        kept: int = CACHED_TEXTS,
        lane: Lane | None = None,
    ) -> None:
        self._kind = kind
        self._tokenizer = tokenizer
        self._network = network
        self._device = device
        self._lane = lane or Lane(time.monotonic)
        self._cache: Kept[tuple[str, Emphasis, bool], Tensor] = Kept(kept)
        self._lock = threading.Lock()
        self.calls = 0

    def encode(self, text: str, emphasis: Emphasis, *, alone: bool = False) -> Tensor:
        """(tokens, width). Where texts stay as long as they are, the last column is 1: it is a token.

        Emphasis weighs what T5 answers; its mean is about 0, so nothing is scaled back to it. A language
        model's answer would not be heard louder for being larger, so there the brackets are only taken away.
        Raises ``InvalidValue`` for a text beyond all measure.
        """
        key = text, emphasis, alone and self._lane.shares
        return self._cache.get(key, lambda: self._encode(*key))

    def _encode(self, text: str, emphasis: Emphasis, alone: bool) -> Tensor:
        # BREAK divides the chunks of CLIP; here there are none.
        pieces = [(" ", 1.0) if piece == BREAK else piece for piece in emphasis.parse(text)]
        if self._kind.kind is LongText.T5:
            return self._of_t5(pieces, emphasis, alone)
        return self._of_language_model("".join(piece for piece, _ in pieces), alone)

    def _of_t5(self, pieces: Sequence[tuple[str, float]], emphasis: Emphasis, alone: bool) -> Tensor:
        tokens: list[int] = []
        weights: list[float] = []
        for piece, weight in pieces:
            found = self._tokens(piece)
            tokens += found
            weights += [weight] * len(found)
        tokens.append(int(self._tokenizer.eos_token_id))
        missing = max(0, self._kind.tokens - len(tokens))
        tokens += [int(self._tokenizer.pad_token_id)] * missing
        encoded = self._ask({"ids": tokens}, alone)
        return _weighted(encoded, [*weights, *[1.0] * (len(tokens) - len(weights))], emphasis)

    def _of_language_model(self, text: str, alone: bool) -> Tensor:
        before, behind = self._kind.around
        tokens = self._tokens(before + text + behind)
        missing = max(0, self._kind.tokens - len(tokens))
        filled = [*tokens, *[int(self._tokenizer.pad_token_id)] * missing]
        mask = [*[1] * len(tokens), *[0] * missing]
        kept = self._ask({"ids": filled, "mask": mask}, alone)[self._kind.dropped :]
        return kept if self._kind.tokens else torch.cat([kept, torch.ones_like(kept[:, :1])], dim=1)

    def _tokens(self, text: str) -> list[int]:
        with self._lock:  # the tokenizer serves one at a time
            return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def _ask(self, row: Mapping[str, Sequence[int]], alone: bool) -> Tensor:
        """(tokens, numbers). ``row``: ``ids``, and ``mask``, which is 0 for those that are none."""
        if (count := len(row["ids"])) > MOST_TOKENS:
            expected = f"it has {count} tokens; this model takes at most {MOST_TOKENS}"
            raise InvalidValue("prompt", f"{count} tokens", expected)
        rows = {name: torch.tensor([list(values)], device=self._device) for name, values in row.items()}
        answer = self._lane.ask(Question(id(self._network), self._forward, rows), alone=alone)
        return answer[0].clone()  # what is kept holds no memory of its company

    def _forward(self, rows: Rows) -> Tensor:
        self.calls += 1
        with torch.inference_mode():
            if self._kind.kind is LongText.T5:
                told: Tensor = self._network(rows["ids"]).last_hidden_state
                return told
            states = self._network(
                rows["ids"], output_hidden_states=True, attention_mask=rows["mask"]
            ).hidden_states
            return torch.cat([states[layer] for layer in self._kind.layers], dim=-1)


def _weighted(encoded: Tensor, weights: Sequence[float], emphasis: Emphasis) -> Tensor:
    if emphasis not in (Emphasis.ORIGINAL, Emphasis.NO_NORM) or all(weight == 1.0 for weight in weights):
        return encoded
    factors = torch.tensor(list(weights), dtype=encoded.dtype, device=encoded.device)
    return encoded * factors[:, None]
