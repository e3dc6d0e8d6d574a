"""Encoders that read whole sentences: T5, and the layers of language models."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.families.flow_kinds import LongEncoderKind, LongText
from core.domain.errors import InvalidValue
from core.prompt.attention import BREAK
from core.prompt.emphasis import Emphasis

MOST_TOKENS = 4096
CACHED_TEXTS = 256


class LongTextEncoder:
    """Encodes one text at a time, and remembers the last ones. Safe from several threads; ``calls`` counts
    calls of the network."""

    def __init__(
        self,
        kind: LongEncoderKind,
        tokenizer: Any,
        network: Any,
        device: torch.device,
        kept: int = CACHED_TEXTS,
    ) -> None:
        self._kept = kept
        self._kind = kind
        self._tokenizer = tokenizer
        self._network = network
        self._device = device
        self._cache: OrderedDict[tuple[str, Emphasis], Tensor] = OrderedDict()
        self._lock = threading.Lock()
        self.calls = 0

    def encode(self, text: str, emphasis: Emphasis) -> Tensor:
        """(tokens, width). Where texts stay as long as they are, the last column is 1: it is a token.

        Emphasis weighs what T5 answers; its mean is about 0, so nothing is scaled back to it. A language
        model's answer would not be heard louder for being larger, so there the brackets are only taken away.
        Raises ``InvalidValue`` for a text beyond all measure.
        """
        key = text, emphasis
        with self._lock:
            if key not in self._cache:
                self._cache[key] = self._encode(*key)
                if len(self._cache) > self._kept:
                    self._cache.popitem(last=False)
            self._cache.move_to_end(key)
            return self._cache[key]

    def _encode(self, text: str, emphasis: Emphasis) -> Tensor:
        # BREAK divides the chunks of CLIP; here there are none.
        pieces = [(" ", 1.0) if piece == BREAK else piece for piece in emphasis.parse(text)]
        if self._kind.kind is LongText.T5:
            return self._of_t5(pieces, emphasis)
        return self._of_language_model("".join(piece for piece, _ in pieces))

    def _of_t5(self, pieces: Sequence[tuple[str, float]], emphasis: Emphasis) -> Tensor:
        tokens: list[int] = []
        weights: list[float] = []
        for piece, weight in pieces:
            found = self._tokenizer(piece, add_special_tokens=False).input_ids
            tokens += found
            weights += [weight] * len(found)
        tokens.append(int(self._tokenizer.eos_token_id))
        missing = max(0, self._kind.tokens - len(tokens))
        tokens += [int(self._tokenizer.pad_token_id)] * missing
        encoded = self._ask(tokens).last_hidden_state[0]
        return _weighted(encoded, [*weights, *[1.0] * (len(tokens) - len(weights))], emphasis)

    def _of_language_model(self, text: str) -> Tensor:
        before, behind = self._kind.around
        tokens = self._tokenizer(before + text + behind, add_special_tokens=False).input_ids
        missing = max(0, self._kind.tokens - len(tokens))
        filled = [*tokens, *[int(self._tokenizer.pad_token_id)] * missing]
        states = self._ask(filled, missing, all_layers=True).hidden_states
        kept = torch.cat([states[layer][0] for layer in self._kind.layers], dim=1)[self._kind.dropped :]
        return kept if self._kind.tokens else torch.cat([kept, torch.ones_like(kept[:, :1])], dim=1)

    def _ask(self, tokens: Sequence[int], filler: int = 0, *, all_layers: bool = False) -> Any:
        """``filler``: how many at the end are none."""
        if len(tokens) > MOST_TOKENS:
            expected = f"it has {len(tokens)} tokens; this model takes at most {MOST_TOKENS}"
            raise InvalidValue("prompt", f"{len(tokens)} tokens", expected)
        self.calls += 1
        ids = torch.tensor([list(tokens)], device=self._device)
        more = {}
        if self._kind.kind is not LongText.T5:
            mask = torch.ones_like(ids)
            mask[:, len(tokens) - filler :] = 0
            more = {"attention_mask": mask}
        with NETWORKS.calling(), torch.inference_mode():
            return self._network(ids, output_hidden_states=all_layers, **more)


def _weighted(encoded: Tensor, weights: Sequence[float], emphasis: Emphasis) -> Tensor:
    if emphasis not in (Emphasis.ORIGINAL, Emphasis.NO_NORM) or all(weight == 1.0 for weight in weights):
        return encoded
    factors = torch.tensor(list(weights), dtype=encoded.dtype, device=encoded.device)
    return encoded * factors[:, None]
