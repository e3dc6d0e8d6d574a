"""DPM-Solver++ without a Brownian path: 2M and 2S ancestral (Lu et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.sampling.ancestral import ancestral_split
from core.sampling.params import SamplerParams
from core.sampling.types import Array, ArrayOps, NoiseSource, OnStep, SigmaModel


def toward(x: Array, denoised: Array, sigma: float, sigma_next: float) -> Array:
    """Exact solution of a step for a constant x0 prediction: a mixture of x and x0 by the ratio of the
    levels."""
    ratio = sigma_next / sigma
    return x * ratio + denoised * (1.0 - ratio)


def dpmpp_2m(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Second order from the previous prediction; first order at the start and down to 0."""
    previous: Array | None = None
    for i in range(len(sigmas) - 1):
        sigma, sigma_next = sigmas[i], sigmas[i + 1]
        denoised = guess = model(x, sigma).guided
        if previous is not None and sigma_next > 0.0:
            ratio = math.log(sigmas[i - 1] / sigma) / math.log(sigma / sigma_next)
            guess = denoised * (1.0 + 1.0 / (2.0 * ratio)) - previous * (1.0 / (2.0 * ratio))
        x = toward(x, guess, sigma, sigma_next)
        previous = denoised
        on_step(i)
    return x


def dpmpp_2s_ancestral(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Second order from a prediction in the middle, down past the next level, then fresh noise up to it."""
    for i in range(len(sigmas) - 1):
        sigma, sigma_next = sigmas[i], sigmas[i + 1]
        down, up = ancestral_split(sigma, sigma_next, params.eta)
        denoised = model(x, sigma).guided
        if down > 0.0:
            middle = math.sqrt(sigma * down)
            denoised = model(toward(x, denoised, sigma, middle), middle).guided
        x = toward(x, denoised, sigma, down)
        if sigma_next > 0.0:
            x = x + noise.draw() * (params.s_noise * up)
        on_step(i)
    return x
