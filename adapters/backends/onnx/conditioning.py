"""The conditioning of one batch: for each picture its parts and their weights, at each model evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from adapters.backends.onnx.arrays import Floats
from core.domain.options import OptionValues
from core.prompt.plan import PlanPart, PromptPlan
from core.prompt.schedule import Timeline

Encode: TypeAlias = Callable[[tuple[str, ...]], Sequence[Floats]]
"""One (tokens, width) array for each text of a group."""


@dataclass(frozen=True, slots=True)
class Part:
    weight: float
    part: PlanPart
    encoded: Sequence[Floats]

    @classmethod
    def of(cls, part: PlanPart, encode: Encode) -> Part:
        return cls(part.weight, part, encode(tuple(text for _, text in part.schedule.entries)))

    def at(self, call: int) -> Floats:
        return self.encoded[self.part.schedule.index_at(call)]


@dataclass(frozen=True, slots=True)
class ImageConditioning:
    """One picture's prompt and negative prompt.

    :param empty: the encoding of the empty text, where the shorter of both is filled up with it
        (``pad_cond_uncond``).
    :param repeats: the negative prompt repeats its last row, or is cut (``pad_cond_uncond_v0``).
    """

    parts: tuple[Part, ...]
    negative: Part
    empty: Floats | None = None
    repeats: bool = False

    def conds(self, call: int) -> list[tuple[Floats, float]]:
        """Each part, all of one length, and its weight."""
        found = [part.at(call) for part in self.parts]
        longest, least = max(len(cond) for cond in found), len(self.negative.at(call))
        filled = [self._filled(_lengthened(cond, longest), least) for cond in found]
        return [(cond, part.weight) for cond, part in zip(filled, self.parts, strict=True)]

    def uncond(self, call: int) -> Floats:
        own, tokens = self.negative.at(call), max(len(part.at(call)) for part in self.parts)
        return _lengthened(own[:tokens], tokens) if self.repeats else self._filled(own, tokens)

    def _filled(self, cond: Floats, tokens: int) -> Floats:
        if self.empty is None:
            return cond
        missing = max(0, tokens - len(cond)) // len(self.empty)
        return np.concatenate([cond, *[self.empty] * missing])


def condition(
    prompts: Sequence[str],
    negatives: Sequence[str],
    timeline: Timeline,
    encode: Encode,
    options: OptionValues,
) -> list[ImageConditioning]:
    """The conditioning of each picture."""
    repeats = options.flag("pad_cond_uncond_v0")
    empty = encode(("",))[0] if options.flag("pad_cond_uncond") and not repeats else None
    return [
        ImageConditioning(
            tuple(Part.of(part, encode) for part in PromptPlan.positive(prompt, timeline).parts),
            Part.of(PromptPlan.negative(negative, timeline).parts[0], encode),
            empty,
            repeats,
        )
        for prompt, negative in zip(prompts, negatives, strict=True)
    ]


def _lengthened(cond: Floats, tokens: int) -> Floats:
    """Parts of different lengths meet in one evaluation: the shorter repeats its last row."""
    return np.concatenate([cond, cond[-1:].repeat(tokens - len(cond), axis=0)])
