"""Classifier-free guidance: its numbers, and how predictions are combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from core.sampling.types import Array

A = TypeVar("A")
"""Arrays of one library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """Numbers that decide how predictions are combined.

    :param scale: classifier-free guidance scale.
    :param min_sigma: below it the unconditional prediction is left out at odd calls (negative guidance
        minimum sigma), or at all if ``min_sigma_all``; 0: never.
    :param skip_early: left out while the share of calls done is at most this; 0: never.
    :param total_calls: model evaluations of the pass.
    :param unguided: there is no unconditional prediction at all.
    :param renormed: guidance changes where each patch of a flow model goes, and not how far.
    """

    scale: float
    min_sigma: float
    min_sigma_all: bool
    skip_early: float
    total_calls: int
    unguided: bool = False
    renormed: bool = False

    def low(self, call: int, level: float) -> bool:
        """``level`` is sigma, or the time of timestep samplers: the reference compares what it has."""
        return self.min_sigma > level and (call % 2 == 1 or self.min_sigma_all)

    def early(self, call: int) -> bool:
        return self.unguided or (self.skip_early > 0 and call / self.total_calls <= self.skip_early)


def combined(conds: A, weights: Sequence[float], uncond: A | None, scale: float) -> A:
    """``u + Σ weight·scale·(c − u)``. Without an unconditional prediction the first part stands for it, and
    the scale is 1."""
    rows: Any = conds
    base: Any = rows[:1] if uncond is None else uncond
    factor = 1.0 if uncond is None else scale
    guided: A = base
    for i, weight in enumerate(weights):
        guided = guided + (rows[i : i + 1] - base) * (weight * factor)
    return guided


def combined_edit(cond: Array, with_picture: Array, uncond: A, scale: float, picture_scale: float) -> A:
    """Guided by text and picture apart, as instruct-pix2pix is."""
    guided: A = uncond + scale * (cond - with_picture) + picture_scale * (with_picture - uncond)
    return guided
