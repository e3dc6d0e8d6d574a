"""UniPC: a multistep predictor whose answer the next model evaluation corrects (Zhao et al. 2023)."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.errors import InvalidValue
from core.sampling.float32 import linspace, single
from core.sampling.linear import inverse, solve
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.params import SamplerParams, UniPCOptions
from core.sampling.types import Array, NoiseSource, OnStep, TimestepModel


@dataclass(frozen=True, slots=True)
class _Moment:
    """A continuous time in 0..1 with its signal and noise amplitudes and half log signal-to-noise ratio."""

    time: float
    alpha: float
    sigma: float
    lam: float


class _Clock:
    """Continuous time over a discrete table: log alpha is linear between the training steps (i + 1) / N."""

    def __init__(self, table: ModelSigmas) -> None:
        self.count = len(table.alphas_cumprod)
        self._log_alphas = [0.5 * math.log(a) for a in table.alphas_cumprod]
        self._times = linspace(0.0, 1.0, self.count + 1)[1:]

    def at(self, time: float) -> _Moment:
        low = min(max(bisect_right(self._times, time) - 1, 0), self.count - 2)
        part = (time - self._times[low]) / (self._times[low + 1] - self._times[low])
        below, above = self._log_alphas[low], self._log_alphas[low + 1]
        log_alpha = below + part * (above - below)
        sigma = math.sqrt(-math.expm1(2.0 * log_alpha))
        return _Moment(time, math.exp(log_alpha), sigma, log_alpha - math.log(sigma))

    def time_of(self, lam: float) -> float:
        """Inverse of ``at(time).lam``."""
        log_alpha = -0.5 * (math.log1p(math.exp(-2.0 * abs(lam))) + max(0.0, -2.0 * lam))
        rising = [-v for v in self._log_alphas]
        high = min(max(bisect_left(rising, -log_alpha), 1), self.count - 1)
        below, above = self._log_alphas[high - 1], self._log_alphas[high]
        return (high + (log_alpha - below) / (above - below)) / self.count

    def times(self, skip_type: str, first: float, last: float, steps: int) -> list[float]:
        if skip_type == "logSNR":
            lams = linspace(self.at(first).lam, self.at(last).lam, steps + 1)
            return [first, *(self.time_of(lam) for lam in lams[1:-1]), last]
        if skip_type == "time_quadratic":
            return [r * r for r in linspace(math.sqrt(first), math.sqrt(last), steps + 1)]
        return linspace(first, last, steps + 1)


@dataclass(frozen=True, slots=True)
class _Weights:
    """What multiplies -alpha * difference: per earlier prediction, and last for the model's answer at the
    target."""

    predictor: list[float]
    corrector: list[float]


def _phis(hh: float, count: int) -> list[float]:
    """``hh * phi_k(hh)`` for k = 1..count, phi_k being the exponential integrator's functions."""
    values, factorial = [math.expm1(hh)], 1.0
    for k in range(1, count):
        values.append(values[-1] / hh - 1.0 / factorial)
        factorial *= k + 1
    return values


def _bh_weights(ratios: list[float], hh: float, variant: str) -> _Weights:
    order = len(ratios)
    scale = hh if variant == "bh1" else math.expm1(hh)
    powers = [[r**i for r in ratios] for i in range(order)]
    moments = [phi * math.factorial(i + 1) / scale for i, phi in enumerate(_phis(hh, order + 1)[1:])]
    predictor = [0.5] if order == 2 else solve([row[:-1] for row in powers[:-1]], moments[:-1])
    corrector = [0.5] if order == 1 else solve(powers, moments)
    return _Weights([scale * w for w in predictor], [scale * w for w in corrector])


def _vary_weights(ratios: list[float], hh: float) -> _Weights:
    order = len(ratios)
    phis = _phis(hh, order + 1)
    taylor = [[r**k / math.factorial(k + 1) for k in range(order)] for r in ratios]
    small, whole = inverse([row[:-1] for row in taylor[:-1]]), inverse(taylor)
    predictor = [sum(phis[k + 1] * small[k][j] for k in range(order - 1)) for j in range(order - 1)]
    corrector = [sum(phis[k + 1] * whole[k][j] for k in range(order - 1)) for j in range(order - 1)]
    # the published solver takes the last row that it used for the others, and its last entry, for the
    # newest one
    newest = phis[order] * whole[max(order - 2, 0)][-1]
    return _Weights(predictor, [*corrector, newest])


class _Solver:
    def __init__(self, model: TimestepModel, clock: _Clock, variant: str) -> None:
        self._model, self._clock, self._variant = model, clock, variant

    def predict_x0(self, x: Array, at: _Moment) -> Array:
        eps = self._model(
            x, single(single(at.time - single(1.0 / self._clock.count)) * self._clock.count)
        ).guided
        return (x - eps * at.sigma) / at.alpha

    def update(
        self, x: Array, past: list[tuple[_Moment, Array]], to: _Moment, order: int, correct: bool
    ) -> tuple[Array, Array | None]:
        """x at ``to``, and the x0 prediction there if it was asked for. ``past`` is newest first."""
        (now, x0), older = past[0], past[1:order]
        width = to.lam - now.lam
        ratios = [(moment.lam - now.lam) / width for moment, _ in older]
        slopes = [(said - x0) / r for (_, said), r in zip(older, ratios, strict=True)]
        weights = self._weights([*ratios, 1.0], -width)
        straight = x * (to.sigma / now.sigma) - x0 * (to.alpha * math.expm1(-width))
        x = self._bend(straight, slopes, weights.predictor, to.alpha)
        if not correct:
            return x, None
        found = self.predict_x0(x, to)
        return self._bend(straight, [*slopes, found - x0], weights.corrector, to.alpha), found

    def _weights(self, ratios: list[float], hh: float) -> _Weights:
        if self._variant == "vary_coeff":
            return _vary_weights(ratios, hh)
        return _bh_weights(ratios, hh, self._variant)

    @staticmethod
    def _bend(straight: Array, slopes: list[Array], weights: list[float], alpha: float) -> Array:
        for slope, weight in zip(slopes, weights, strict=True):
            straight = straight - slope * (alpha * weight)
        return straight


def check_unipc(steps: int, options: UniPCOptions) -> None:
    """Raise InvalidValue when there are fewer steps than the solver's order."""
    if steps < options.order:
        expected = f"UniPC of order {options.order} needs at least {options.order}; ask for more"
        raise InvalidValue("steps", steps, expected)


def _order(i: int, steps: int, options: UniPCOptions) -> int:
    """Order of step i, counted from 1: rising while there is little past, falling at the end."""
    if i < options.order:
        return i
    return min(options.order, steps + 1 - i) if options.lower_order_final else options.order


def unipc(
    model: TimestepModel, x: Array, times: Sequence[int], noise: NoiseSource, on_step: OnStep,
    table: ModelSigmas, params: SamplerParams,
) -> Array:  # fmt: skip
    """As many steps as there are ``times``, from continuous time ``params.start_time`` to 1/N."""
    options, steps, clock = params.unipc, len(times), _Clock(table)
    check_unipc(steps, options)
    solver = _Solver(model, clock, options.variant)
    times_run = clock.times(options.skip_type, params.start_time, 1.0 / clock.count, steps)
    moments = [clock.at(t) for t in times_run]
    past = [(moments[0], solver.predict_x0(x, moments[0]))]
    for i, to in enumerate(moments[1:], start=1):
        x, found = solver.update(x, past, to, _order(i, steps, options), correct=i < steps)
        if found is not None:
            past = [(to, found), *past[: options.order - 1]]
        on_step(i - 1)
    return x
