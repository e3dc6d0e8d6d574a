"""The conditioning of one batch: for each picture its parts and their weights, at each model evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adapters.backends.torch.text import TextEncoder, TextOptions
from core.prompt.plan import PlanPart, PromptPlan
from core.prompt.schedule import Timeline


@dataclass(frozen=True, slots=True)
class Part:
    weight: float
    part: PlanPart
    encoded: tuple[Tensor, ...]

    def at(self, call: int) -> Tensor:
        return self.encoded[self.part.schedule.index_at(call)]


@dataclass(frozen=True, slots=True)
class ImageConditioning:
    """One picture's prompt (its parts and weights) and negative prompt, each (tokens, width)."""

    parts: tuple[Part, ...]
    negative: Part

    def conds(self, call: int) -> list[tuple[Tensor, float]]:
        found = [(part.at(call), part.weight) for part in self.parts]
        longest = max(cond.shape[0] for cond, _ in found)
        return [(_lengthened(cond, longest), weight) for cond, weight in found]

    def uncond(self, call: int) -> Tensor:
        return self.negative.at(call)


def condition(
    prompts: Sequence[str],
    negatives: Sequence[str],
    timeline: Timeline,
    encoder: TextEncoder,
    options: TextOptions,
) -> list[ImageConditioning]:
    """The conditioning of each picture. The same prompt is encoded once."""
    return [
        ImageConditioning(
            tuple(_encoded(part, encoder, options) for part in PromptPlan.positive(prompt, timeline).parts),
            _encoded(PromptPlan.negative(negative, timeline).parts[0], encoder, options),
        )
        for prompt, negative in zip(prompts, negatives, strict=True)
    ]


def _encoded(part: PlanPart, encoder: TextEncoder, options: TextOptions) -> Part:
    texts = tuple(text for _, text in part.schedule.entries)
    return Part(part.weight, part, encoder.encode(texts, options))


def _lengthened(cond: Tensor, tokens: int) -> Tensor:
    """Parts of different lengths meet in one evaluation: the shorter repeats its last row."""
    missing = tokens - cond.shape[0]
    if missing == 0:
        return cond
    return torch.cat([cond, cond[-1:].repeat(missing, 1)])
