"""The conditioning of one batch: for each picture its parts and their weights, at each model evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from adapters.backends.torch.families.sizes import SizeNumbers
from adapters.backends.torch.text import EncodedText, Prompts, TextOptions
from adapters.backends.torch.words import Words
from core.domain.options import OptionValues
from core.prompt.plan import PlanPart, PromptPlan
from core.prompt.schedule import Timeline

Listening: TypeAlias = Callable[[Sequence[tuple[str, ...]]], Words]
"""Hears the texts of each picture before they are encoded, and says which words vectors stand for."""


@dataclass(frozen=True, slots=True)
class Part:
    """:ivar vectors: what the network is told of each text as a whole; empty where it is told nothing."""

    weight: float
    part: PlanPart
    encoded: tuple[Tensor, ...]
    vectors: tuple[Tensor, ...] = ()

    def at(self, call: int) -> Tensor:
        return self.encoded[self.part.schedule.index_at(call)]

    def vector_at(self, call: int) -> Tensor | None:
        return self.vectors[self.part.schedule.index_at(call)] if self.vectors else None


@dataclass(frozen=True, slots=True)
class Beside:
    """What a family does with the encoded texts.

    :ivar numbers: go behind what is told of a text as a whole.
    :ivar zero_negative: an empty negative prompt is all zeros.
    :ivar counted: the last number of each row of a text says whether it is a token.
    """

    numbers: SizeNumbers | None = None
    zero_negative: bool = False
    counted: bool = False


class Padding(Enum):
    """What a prompt and a negative prompt of different lengths do, so as to be evaluated together.

    ``EMPTY``: the shorter is filled up with empty chunks (``pad_cond_uncond``). ``LAST``: the negative
    repeats its last row or is cut (``pad_cond_uncond_v0``). ``NONE``: they are evaluated apart. ``COUNTED``:
    the shorter is filled up with rows that say of themselves that they are no tokens.
    """

    NONE = auto()
    EMPTY = auto()
    LAST = auto()
    COUNTED = auto()

    @classmethod
    def of(cls, options: OptionValues) -> Padding:
        if options.flag("pad_cond_uncond_v0"):
            return cls.LAST
        return cls.EMPTY if options.flag("pad_cond_uncond") else cls.NONE


@dataclass(frozen=True, slots=True)
class ImageConditioning:
    """One picture's prompt (its parts and weights) and negative prompt, each (tokens, width).

    :param empty: the encoding of the empty prompt; only ``Padding.EMPTY`` needs it.
    """

    parts: tuple[Part, ...]
    negative: Part
    padding: Padding = Padding.NONE
    empty: Tensor | None = None

    def conds(self, call: int) -> list[tuple[Tensor, float]]:
        found = [(part.at(call), part.weight) for part in self.parts]
        longest = max(cond.shape[0] for cond, _ in found)
        least = self.negative.at(call).shape[0]
        if self.padding is Padding.COUNTED:
            return [(_counted(cond, max(longest, least)), weight) for cond, weight in found]
        return [(self._filled(_lengthened(cond, longest), least), weight) for cond, weight in found]

    def uncond(self, call: int) -> Tensor:
        own, tokens = self.negative.at(call), max(part.at(call).shape[0] for part in self.parts)
        if self.padding is Padding.COUNTED:
            return _counted(own, max(tokens, own.shape[0]))
        if self.padding is Padding.LAST:
            return _lengthened(own[:tokens], tokens)
        return self._filled(own, tokens)

    def vectors(self, call: int) -> list[Tensor | None]:
        """What the network is told of each part as a whole."""
        return [part.vector_at(call) for part in self.parts]

    def _filled(self, cond: Tensor, tokens: int) -> Tensor:
        if self.padding is not Padding.EMPTY or self.empty is None:
            return cond
        missing = max(0, tokens - cond.shape[0]) // self.empty.shape[0]
        return torch.cat([cond, *[self.empty] * missing])


def condition(
    prompts: Sequence[str],
    negatives: Sequence[str],
    timeline: Timeline,
    encoder: Prompts,
    options: TextOptions,
    padding: Padding = Padding.NONE,
    beside: Beside | None = None,
    listening: Listening | None = None,
) -> list[ImageConditioning]:
    """The conditioning of each picture. The same prompt is encoded once."""
    plans = [
        (PromptPlan.positive(prompt, timeline), PromptPlan.negative(negative, timeline))
        for prompt, negative in zip(prompts, negatives, strict=True)
    ]
    if listening is not None:
        options = replace(options, words=listening([_texts(*pair) for pair in plans]))
    family = beside or Beside()
    padding = Padding.COUNTED if family.counted else padding
    empty = encoder.encode(("",), options)[0].context if padding is Padding.EMPTY else None
    numbers = family.numbers

    def positive(part: PlanPart) -> Part:
        return _part(part, _encoded(part, encoder, options), numbers.prompt if numbers else ())

    def against(text: str, part: PlanPart) -> Part:
        encoded = _encoded(part, encoder, options)
        if family.zero_negative and text == "":
            encoded = tuple(_zeros(one) for one in encoded)
        return _part(part, encoded, numbers.negative if numbers else ())

    return [
        ImageConditioning(
            tuple(positive(part) for part in plan.parts),
            against(negative, other.parts[0]),
            padding,
            empty,
        )
        for negative, (plan, other) in zip(negatives, plans, strict=True)
    ]


def _texts(plan: PromptPlan, negative: PromptPlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*plan.texts, *negative.texts)))


def _encoded(part: PlanPart, encoder: Prompts, options: TextOptions) -> tuple[EncodedText, ...]:
    return encoder.encode(tuple(text for _, text in part.schedule.entries), options)


def _part(part: PlanPart, encoded: Sequence[EncodedText], numbers: tuple[float, ...]) -> Part:
    vectors = tuple(_vector(one.pooled, numbers) for one in encoded if one.pooled is not None)
    return Part(part.weight, part, tuple(one.context for one in encoded), vectors)


def _vector(pooled: Tensor, numbers: tuple[float, ...]) -> Tensor:
    return torch.cat([pooled.float(), torch.tensor(numbers, dtype=torch.float32, device=pooled.device)])


def _zeros(text: EncodedText) -> EncodedText:
    pooled = None if text.pooled is None else torch.zeros_like(text.pooled)
    return EncodedText(torch.zeros_like(text.context), pooled)


def _counted(cond: Tensor, tokens: int) -> Tensor:
    return functional.pad(cond, (0, 0, 0, tokens - cond.shape[0]))


def _lengthened(cond: Tensor, tokens: int) -> Tensor:
    """Parts of different lengths meet in one evaluation: the shorter repeats its last row."""
    missing = tokens - cond.shape[0]
    if missing == 0:
        return cond
    return torch.cat([cond, cond[-1:].repeat(missing, 1)])
