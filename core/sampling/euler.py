"""Euler, Euler ancestral and LMS: one model evaluation a step, along the straight line or a polynomial."""

from __future__ import annotations

from collections.abc import Sequence

from core.sampling.ancestral import ancestral_split, churn
from core.sampling.params import SamplerParams
from core.sampling.types import Array, ArrayOps, NoiseSource, OnStep, SigmaModel

_LMS_ORDER = 4


def euler(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Algorithm 2 of Karras et al. (2022) without its correction."""
    for i in range(len(sigmas) - 1):
        x, sigma = churn(x, sigmas, i, noise, params)
        slope = (x - model(x, sigma).guided) / sigma
        x = x + slope * (sigmas[i + 1] - sigma)
        on_step(i)
    return x


def euler_ancestral(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Euler down past the next level, then fresh noise up to it. s_noise has no effect, as in the
    reference."""
    for i in range(len(sigmas) - 1):
        sigma, sigma_next = sigmas[i], sigmas[i + 1]
        down, up = ancestral_split(sigma, sigma_next, params.eta)
        slope = (x - model(x, sigma).guided) / sigma
        x = x + slope * (down - sigma)
        if sigma_next > 0.0:
            x = x + noise.draw() * up
        on_step(i)
    return x


def _times(polynomial: list[float], root: float) -> list[float]:
    """Coefficients, lowest first, of polynomial * (u - root)."""
    raised, scaled = [0.0, *polynomial], [-root * c for c in polynomial] + [0.0]
    return [r + s for r, s in zip(raised, scaled, strict=True)]


def _lagrange_integral(nodes: list[float], j: int, upper: float) -> float:
    """Integral from 0 to ``upper`` of the polynomial that is 1 at ``nodes[j]`` and 0 at the other nodes."""
    polynomial, scale = [1.0], 1.0
    for k, node in enumerate(nodes):
        if k != j:
            polynomial = _times(polynomial, node)
            scale *= nodes[j] - node
    return sum(c * upper ** (p + 1) / (p + 1) for p, c in enumerate(polynomial)) / scale


def lms_coefficients(sigmas: Sequence[float], i: int, order: int) -> list[float]:
    """Weights of the last ``order`` slopes, newest first, for the step from ``sigmas[i]`` to ``sigmas[i +
    1]``.

    Levels are taken relative to ``sigmas[i]``, which keeps the exact integral free of cancellation.
    """
    nodes = [sigmas[i - k] - sigmas[i] for k in range(order)]
    return [_lagrange_integral(nodes, j, sigmas[i + 1] - sigmas[i]) for j in range(order)]


def lms(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """Linear multistep (Adams-Bashforth on uneven levels), order 4."""
    slopes: list[Array] = []
    for i in range(len(sigmas) - 1):
        slopes.insert(0, (x - model(x, sigmas[i]).guided) / sigmas[i])
        del slopes[_LMS_ORDER:]
        for weight, slope in zip(lms_coefficients(sigmas, i, len(slopes)), slopes, strict=True):
            x = x + slope * weight
        on_step(i)
    return x
