"""Prompts of flow models to conditioning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from adapters.backends.torch.flow.long_text import LongTextEncoder
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.text import EncodedText, PromptEncoder, Prompts, TextEncoder, TextOptions
from core.prompt.emphasis import Emphasis


class _Wordless:
    """Where CLIP only sums up, or there is none, no vectors stand for words."""

    __slots__ = ()

    @property
    def widths(self) -> tuple[int, ...]:
        return ()

    def find(self, names: Iterable[str], texts: Sequence[str], emphasis: Emphasis) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class Sd3Prompts:
    """CLIP-L and CLIP-G side by side, T5 behind them; both CLIPs tell of the text as a whole.

    :ivar t5: None: the checkpoint has none.
    :ivar width: of what the transformer reads.
    """

    clips: tuple[TextEncoder, TextEncoder]
    t5: LongTextEncoder | None
    width: int

    @property
    def calls(self) -> int:
        return sum(clip.calls for clip in self.clips) + (self.t5.calls if self.t5 else 0)

    @property
    def widths(self) -> tuple[int, ...]:
        """Those of the two CLIPs together; T5 reads the name."""
        return self.clips[0].widths

    def find(self, names: Iterable[str], texts: Sequence[str], emphasis: Emphasis) -> frozenset[str]:
        return self.clips[0].find(names, texts, emphasis)

    def encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[EncodedText, ...]:
        first, second = (clip.encode_whole(texts, options) for clip in self.clips)
        pairs = zip(texts, first, second, strict=True)
        return tuple(self._joined(text, one, other, options) for text, one, other in pairs)

    def _joined(self, text: str, one: EncodedText, other: EncodedText, options: TextOptions) -> EncodedText:
        assert one.pooled is not None
        assert other.pooled is not None
        both = torch.cat([one.context, other.context], dim=-1)
        both = functional.pad(both, (0, self.width - both.shape[-1]))
        return EncodedText(
            torch.cat([both, self._long(text, both, options).to(both)]), torch.cat([one.pooled, other.pooled])
        )

    def _long(self, text: str, like: Tensor, options: TextOptions) -> Tensor:
        """Without T5, a row of nothing for each of CLIP's, as in the reference."""
        if self.t5 is None or not options.t5:
            return torch.zeros_like(like)
        return self.t5.encode(text, options.emphasis, alone=options.alone)


@dataclass(frozen=True, slots=True)
class FluxPrompts(_Wordless):
    """T5 reads the text; CLIP tells of it as a whole."""

    clip: TextEncoder
    t5: LongTextEncoder

    @property
    def calls(self) -> int:
        return self.clip.calls + self.t5.calls

    def encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[EncodedText, ...]:
        wholes = self.clip.encode_whole(texts, options)
        return tuple(
            EncodedText(self.t5.encode(text, options.emphasis, alone=options.alone), whole.pooled)
            for text, whole in zip(texts, wholes, strict=True)
        )


@dataclass(frozen=True, slots=True)
class LanguagePrompts(_Wordless):
    """A language model reads the text."""

    model: LongTextEncoder

    @property
    def calls(self) -> int:
        return self.model.calls

    def encode(self, texts: tuple[str, ...], options: TextOptions) -> tuple[EncodedText, ...]:
        return tuple(
            EncodedText(self.model.encode(text, options.emphasis, alone=options.alone)) for text in texts
        )


def prompts_of(model: LoadedModel) -> Prompts:
    """How the prompts of a model become conditioning."""
    if model.family.flow is None:
        return PromptEncoder.of(model.encoders, model.device, model.text_lane)
    clips = _clips(model)
    long = None
    if model.long is not None:
        long = LongTextEncoder(model.family.flow.long, *model.long, model.device, lane=model.text_lane)
    if len(clips) > 1:
        return Sd3Prompts((clips[0], clips[1]), long, int(model.unet.config.joint_attention_dim))
    assert long is not None
    return FluxPrompts(clips[0], long) if clips else LanguagePrompts(long)


def _clips(model: LoadedModel) -> list[TextEncoder]:
    widths = tuple(int(network.config.hidden_size) for _, _, network in model.encoders)
    return [
        TextEncoder(tokenizer, network, model.device, kind, widths, place, model.text_lane)
        for place, (kind, tokenizer, network) in enumerate(model.encoders)
    ]
