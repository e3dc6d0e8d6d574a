"""The noise schedules themselves: each maps a number of steps to descending noise levels.

A schedule function takes ``(n, ScheduleInputs)`` and answers n levels followed by 0. Two differ, as in the
reference: KL Optimal ends at sigma_min, and DDIM may have more than n levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from core.sampling.beta_distribution import beta_ppf
from core.sampling.float32 import exp, lerp, linspace, single
from core.sampling.model_sigmas import ModelSigmas

_AYS_SD1 = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
_AYS_SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)


@dataclass(frozen=True, slots=True)
class ScheduleInputs:
    """What a schedule may look at: the model's table, the range to span, and its shape parameters."""

    table: ModelSigmas
    sigma_min: float
    sigma_max: float
    rho: float = -1.0
    beta_alpha: float = 0.6
    beta_beta: float = 0.6
    is_sdxl: bool = False


ScheduleFunction = Callable[[int, ScheduleInputs], list[float]]


def karras_between(n: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> list[float]:
    """n levels evenly spaced in ``sigma^(1/rho)``, then 0 (Karras et al. 2022)."""
    high, low = sigma_max ** (1.0 / rho), sigma_min ** (1.0 / rho)
    span = single(low - high)
    roots = [single(single(high) + single(r * span)) for r in linspace(0.0, 1.0, n)]
    return [single(max(root, 0.0) ** rho) for root in roots] + [0.0]


def uniform(n: int, given: ScheduleInputs) -> list[float]:
    return given.table.uniform(n)


def automatic(n: int, given: ScheduleInputs) -> list[float]:
    return given.table.automatic(n)


def karras(n: int, given: ScheduleInputs) -> list[float]:
    return karras_between(n, given.sigma_min, given.sigma_max, given.rho)


def exponential(n: int, given: ScheduleInputs) -> list[float]:
    return [exp(v) for v in linspace(math.log(given.sigma_max), math.log(given.sigma_min), n)] + [0.0]


def polyexponential(n: int, given: ScheduleInputs) -> list[float]:
    low, high = math.log(given.sigma_min), math.log(given.sigma_max)
    ramp = [single(single(r**given.rho) * single(high - low)) for r in linspace(1.0, 0.0, n)]
    return [exp(single(r + single(low))) for r in ramp] + [0.0]


def _model_times(given: ScheduleInputs, count: int) -> list[float]:
    first, last = given.table.sigma_to_t(given.sigma_max), given.table.sigma_to_t(given.sigma_min)
    return linspace(first, last, count)


def sgm_uniform(n: int, given: ScheduleInputs) -> list[float]:
    return [given.table.t_to_sigma(t) for t in _model_times(given, n + 1)[:-1]] + [0.0]


def normal(n: int, given: ScheduleInputs) -> list[float]:
    return [given.table.t_to_sigma(t) for t in _model_times(given, n)] + [0.0]


def kl_optimal(n: int, given: ScheduleInputs) -> list[float]:
    """n + 1 levels evenly spaced in arc tangent. The last is sigma_min: no step removes the rest of the
    noise."""
    low, high = single(math.atan(given.sigma_min)), single(math.atan(given.sigma_max))
    parts = [single(i / n) for i in range(n + 1)]
    return [single(math.tan(lerp(high, low, part))) for part in parts]


def _linspace(count: int) -> list[float]:
    """Evenly spaced from 0 to 1 in double precision, as the reference has it for the two schedules below."""
    return [i / (count - 1) for i in range(count)] if count > 1 else [0.0] * count


def _interpolate(xs: list[float], ys: list[float], x: float) -> float:
    """Piecewise linear through evenly spaced xs in 0..1."""
    position = x * (len(xs) - 1)
    low = min(int(position), len(xs) - 2)
    return ys[low] + (position - low) * (ys[low + 1] - ys[low])


def align_your_steps(n: int, given: ScheduleInputs) -> list[float]:
    """A tuned table of 11 levels, log-linearly resampled to n (Sabour et al. 2024)."""
    table = _AYS_SDXL if given.is_sdxl else _AYS_SD1
    if n == len(table):
        return [*table, 0.0]
    xs, ys = _linspace(len(table)), [math.log(s) for s in reversed(table)]
    resampled = [math.exp(_interpolate(xs, ys, x)) for x in _linspace(n)]
    return [*reversed(resampled), 0.0]


def simple(n: int, given: ScheduleInputs) -> list[float]:
    """Every N/n-th entry of the table from its top."""
    stride = len(given.table.sigmas) / n
    return [given.table.sigmas[-(1 + int(i * stride))] for i in range(n)] + [0.0]


def ddim(n: int, given: ScheduleInputs) -> list[float]:
    """Every N//n-th entry of the table from index 1: more than n of them when n does not divide N."""
    stride = max(len(given.table.sigmas) // n, 1)
    return [*reversed(given.table.sigmas[1::stride]), 0.0]


def beta(n: int, given: ScheduleInputs) -> list[float]:
    """Quantiles of a Beta distribution over the range (Lee et al. 2024)."""
    span = given.sigma_max - given.sigma_min
    quantiles = [beta_ppf(1.0 - r, given.beta_alpha, given.beta_beta) for r in _linspace(n)]
    return [given.sigma_min + q * span for q in quantiles] + [0.0]
