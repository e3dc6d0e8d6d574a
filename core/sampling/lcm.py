"""LCM: the model's x0, noised again to the next level (Luo et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence

from core.sampling.params import SamplerParams
from core.sampling.types import Array, ArrayOps, NoiseSource, OnStep, SigmaModel


def lcm(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """One evaluation a step. The model must answer with the consistency scaling (see scalings.py)."""
    for i in range(len(sigmas) - 1):
        x = model(x, sigmas[i]).guided
        if sigmas[i + 1] > 0.0:
            x = x + noise.draw() * sigmas[i + 1]
        on_step(i)
    return x
