"""DPM-Solver++ with noise from a Brownian path: SDE, 2M SDE (midpoint and Heun) and 3M SDE."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

from core.sampling.ancestral import ancestral_split
from core.sampling.dpmpp import toward
from core.sampling.params import SamplerParams
from core.sampling.types import Array, ArrayOps, NoiseSource, OnStep, SigmaModel

_Past: TypeAlias = list[tuple[Array, float]]
"""Earlier predictions with the width in log sigma of the step each began, newest first."""

_Correction: TypeAlias = Callable[[Array, _Past, float, float], Array]
"""The higher-order part of a step: (x0 prediction, the past, the step's width in log sigma, width * (1 +
eta))."""


def dpmpp_sde(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Two evaluations a step, both half and whole step ancestral; the last step is Euler's."""
    for i in range(len(sigmas) - 1):
        sigma, sigma_next = sigmas[i], sigmas[i + 1]
        denoised = model(x, sigma).guided
        if sigma_next == 0.0:
            x = toward(x, denoised, sigma, 0.0)
        else:
            middle = math.sqrt(sigma * sigma_next)
            down, up = ancestral_split(sigma, middle, params.eta)
            x_middle = toward(x, denoised, sigma, down)
            x_middle = x_middle + noise.between(sigma, middle) * (params.s_noise * up)
            denoised = model(x_middle, middle).guided
            down, up = ancestral_split(sigma, sigma_next, params.eta)
            x = toward(x, denoised, sigma, down)
            x = x + noise.between(sigma, sigma_next) * (params.s_noise * up)
        on_step(i)
    return x


def _sde_step(x: Array, denoised: Array, sigma: float, sigma_next: float, eta: float) -> Array:
    """First-order step of the reverse SDE, without its noise."""
    kept = (sigma_next / sigma) ** (1.0 + eta)
    return x * kept + denoised * (1.0 - kept)


def _add_noise(x: Array, noise: NoiseSource, sigma: float, sigma_next: float, params: SamplerParams) -> Array:
    if not params.eta:
        return x
    spread = math.sqrt(-math.expm1(-2.0 * params.eta * math.log(sigma / sigma_next)))
    return x + noise.between(sigma, sigma_next) * (sigma_next * spread * params.s_noise)


def _multistep_sde(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    params: SamplerParams, correction: _Correction,
) -> Array:  # fmt: skip
    past: _Past = []
    for i in range(len(sigmas) - 1):
        sigma, sigma_next = sigmas[i], sigmas[i + 1]
        denoised = model(x, sigma).guided
        if sigma_next == 0.0:
            x = denoised
        else:
            width = math.log(sigma / sigma_next)
            x = _sde_step(x, denoised, sigma, sigma_next, params.eta)
            if past:
                x = x + correction(denoised, past, width, width * (1.0 + params.eta))
            x = _add_noise(x, noise, sigma, sigma_next, params)
            past = [(denoised, width), *past[:1]]
        on_step(i)
    return x


def _midpoint(denoised: Array, past: _Past, width: float, k: float) -> Array:
    previous, width_before = past[0]
    return (denoised - previous) * (-0.5 * math.expm1(-k) * width / width_before)


def _heun(denoised: Array, past: _Past, width: float, k: float) -> Array:
    previous, width_before = past[0]
    return (denoised - previous) * ((math.expm1(-k) / k + 1.0) * width / width_before)


def _third_order(denoised: Array, past: _Past, width: float, k: float) -> Array:
    if len(past) == 1:
        return _heun(denoised, past, width, k)
    (one, width_1), (two, width_2) = past
    r0, r1 = width_1 / width, width_2 / width
    slope, slope_before = (denoised - one) / r0, (one - two) / r1
    bend = (slope - slope_before) / (r0 + r1)
    phi_2 = math.expm1(-k) / k + 1.0
    phi_3 = phi_2 / k - 0.5
    return (slope + bend * r0) * phi_2 - bend * phi_3


def dpmpp_2m_sde(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Second order from the previous prediction, midpoint rule."""
    return _multistep_sde(model, x, sigmas, noise, on_step, params, _midpoint)


def dpmpp_2m_sde_heun(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Second order from the previous prediction, Heun's rule."""
    return _multistep_sde(model, x, sigmas, noise, on_step, params, _heun)


def dpmpp_3m_sde(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Third order from the two previous predictions."""
    return _multistep_sde(model, x, sigmas, noise, on_step, params, _third_order)
