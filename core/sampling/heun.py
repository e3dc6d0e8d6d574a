"""Heun, DPM2, DPM2 ancestral and Restart: two model evaluations a step, one for the last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from core.sampling.ancestral import ancestral_split, churn
from core.sampling.float32 import single
from core.sampling.params import SamplerParams
from core.sampling.schedule_values import karras_between
from core.sampling.types import Array, ArrayOps, NoiseSource, OnStep, SigmaModel

_RESTART_LOW, _RESTART_HIGH = 0.1, 2.0


def _slope(model: SigmaModel, x: Array, sigma: float) -> Array:
    return (x - model(x, sigma).guided) / sigma


def heun_step(model: SigmaModel, x: Array, sigma: float, sigma_next: float) -> Array:
    """The trapezoid rule; plain Euler down to 0, where there is no slope."""
    slope, width = _slope(model, x, sigma), sigma_next - sigma
    if sigma_next == 0.0:
        return x + slope * width
    slope_next = _slope(model, x + slope * width, sigma_next)
    return x + (slope + slope_next) / 2 * width


def midpoint_step(model: SigmaModel, x: Array, sigma: float, sigma_next: float) -> Array:
    """The midpoint rule, with the middle taken in log sigma; plain Euler down to 0."""
    slope = _slope(model, x, sigma)
    if sigma_next == 0.0:
        return x + slope * (sigma_next - sigma)
    middle = math.exp((math.log(sigma) + math.log(sigma_next)) / 2)
    slope_middle = _slope(model, x + slope * (middle - sigma), middle)
    return x + slope_middle * (sigma_next - sigma)


def heun(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Algorithm 2 of Karras et al. (2022)."""
    for i in range(len(sigmas) - 1):
        x, sigma = churn(x, sigmas, i, noise, params)
        x = heun_step(model, x, sigma, sigmas[i + 1])
        on_step(i)
    return x


def dpm_2(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """DPM-Solver-2 with the churn of Karras et al. (2022)."""
    for i in range(len(sigmas) - 1):
        x, sigma = churn(x, sigmas, i, noise, params)
        x = midpoint_step(model, x, sigma, sigmas[i + 1])
        on_step(i)
    return x


def dpm_2_ancestral(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """DPM-Solver-2 down past the next level, then fresh noise up to it."""
    for i in range(len(sigmas) - 1):
        down, up = ancestral_split(sigmas[i], sigmas[i + 1], params.eta)
        x = midpoint_step(model, x, sigmas[i], down)
        if down > 0.0:
            x = x + noise.draw() * (params.s_noise * up)
        on_step(i)
    return x


def _nearest(sigmas: Sequence[float], sigma: float) -> int:
    return min(range(len(sigmas)), key=lambda i: abs(sigmas[i] - sigma))


def restart_steps(sigmas: Sequence[float]) -> list[tuple[float, float]]:
    """The steps ``(from, to)`` of Restart: a Karras descent, and below it again from about 2 to about 0.1.

    As many steps in all as the schedule had. With fewer than 20 there is no restart and the schedule is kept.
    """
    steps = len(sigmas) - 1
    if steps < 20:
        return list(pairwise(sigmas))
    length, times = (steps // 4, 2) if steps >= 36 else (9, 1)
    base = karras_between(steps - length * times, sigmas[-2], sigmas[0])
    low, high = _nearest(base, _RESTART_LOW), _nearest(base, _RESTART_HIGH)
    descent = list(pairwise(base))
    if high >= low:
        return descent
    # its own ends, not their recomputed roots and powers: only the way up to the start is a rise
    again = [base[high], *karras_between(length + 1, base[low], base[high])[1:-2], base[low]]
    return descent[:low] + list(pairwise(again)) * times + descent[low:]


def restart(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Heun steps that go back up to a higher noise level and down again (Xu et al. 2023)."""
    steps = restart_steps(sigmas)
    reached = steps[0][0]
    for i, (sigma, sigma_next) in enumerate(steps):
        if sigma > reached:
            x = x + noise.draw() * single(math.sqrt(single(single(sigma**2) - single(reached**2))))
        x = heun_step(model, x, sigma, sigma_next)
        reached = sigma_next
        on_step(i)
    return x
