"""DPM fast and DPM adaptive: single-step DPM-Solver of orders 1 to 3 in t = -ln sigma (Lu et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from core.domain.errors import BackendError
from core.sampling.ancestral import ancestral_split
from core.sampling.float32 import exp, expm1, linspace, log, single
from core.sampling.params import SamplerParams
from core.sampling.types import Array, ArrayOps, NoiseSource, OnStep, SigmaModel

_ATOL, _RTOL, _FIRST_WIDTH, _ACCEPT = 0.0078, 0.05, 0.05, 0.81


def _sigma(t: float) -> float:
    return exp(-t)


class _Step:
    """One step from t to t_next. What the model says at a part of it is asked once and kept.

    Times and the numbers made of them are float32, as the reference's: the error that sets DPM adaptive's
    next step is for the most part their rounding, so another rounding would take other steps.
    """

    def __init__(self, model: SigmaModel, x: Array, t: float, t_next: float) -> None:
        self._model, self._x, self._t, self._width = model, x, t, single(t_next - t)
        self._eps = self._noise_in(x, 0.0)
        self._known: dict[float, Array] = {}

    def _span(self, part: float) -> float:
        return single(single(part) * self._width)

    def _sigma(self, part: float) -> float:
        return _sigma(single(self._t + self._span(part)))

    def _noise_in(self, x: Array, part: float) -> Array:
        sigma = self._sigma(part)
        return (x - self._model(x, sigma).guided) / sigma

    def _noise_on_the_line(self, part: float) -> Array:
        if part not in self._known:
            self._known[part] = self._noise_in(self._line(part), part)
        return self._known[part]

    def _line(self, part: float) -> Array:
        """x after this part of the step, with constant eps."""
        return self._x - self._eps * single(self._sigma(part) * expm1(self._span(part)))

    def _curve(self, part: float, known: float, eps: Array) -> Array:
        """x after this part of the step, with eps growing linearly through the one at the known part."""
        span = self._span(part)
        growth = single(single(expm1(span) / span) - 1.0) if span else 0.0
        weight = single(single(self._sigma(part) * single(part / known)) * growth)
        return self._line(part) - (eps - self._eps) * weight

    def first(self) -> Array:
        return self._line(1.0)

    def second(self, middle: float = 0.5) -> Array:
        eps = self._noise_on_the_line(middle)
        weight = single(single(self._sigma(1.0) / single(2.0 * middle)) * expm1(self._width))
        return self._line(1.0) - (eps - self._eps) * weight

    def third(self) -> Array:
        two_thirds = self._curve(2 / 3, 1 / 3, self._noise_on_the_line(1 / 3))
        return self._curve(1.0, 2 / 3, self._noise_in(two_thirds, 2 / 3))


def _split(t: float, t_next: float, t_end: float, eta: float) -> tuple[float, float]:
    """Where to solve to, not beyond the end, and the noise to add there so as to be at t_next."""
    if not eta:
        return t_next, 0.0
    down, _ = ancestral_split(_sigma(t), _sigma(t_next), eta)
    target = min(t_end, -log(down)) if down > 0.0 else t_end
    return target, math.sqrt(max(_sigma(t_next) ** 2 - _sigma(target) ** 2, 0.0))


def _orders(evaluations: int) -> list[int]:
    """Orders of the steps that spend exactly this many evaluations."""
    pieces = evaluations // 3 + 1
    if evaluations % 3 == 0:
        return [3] * (pieces - 2) + [2, 1]
    return [3] * (pieces - 1) + [evaluations % 3]


def dpm_fast_steps(evaluations: int) -> int:
    """How many steps DPM fast takes for a number of model evaluations."""
    return len(_orders(evaluations))


def dpm_fast(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """From ``sigmas[0]`` to ``sigmas[-1]`` (above 0) with ``params.evaluations`` model evaluations."""
    orders = _orders(params.evaluations)
    times = linspace(-log(sigmas[0]), -log(sigmas[-1]), len(orders) + 1)
    for i, order in enumerate(orders):
        target, up = _split(times[i], times[i + 1], times[-1], params.eta)
        step = _Step(model, x, times[i], target)
        solve: Callable[[], Array] = (step.first, step.second, step.third)[order - 1]
        x = solve() + noise.draw() * (up * params.s_noise)
        on_step(i)
    return x


class _StepWidth:
    """Integral controller of the step's width: grows and shrinks it smoothly with the error."""

    def __init__(self, divisor: float) -> None:
        self.width = _FIRST_WIDTH
        self._exponent = 1.0 / divisor

    def accepts(self, error: float) -> bool:
        """Whether a step with this error stands; also sets the next width."""
        factor = 1.0 + math.atan((1.0 / (error + 1e-8)) ** self._exponent - 1.0)
        self.width *= factor
        return factor >= _ACCEPT


def dpm_adaptive(
    model: SigmaModel, x: Array, sigmas: Sequence[float], noise: NoiseSource, on_step: OnStep,
    ops: ArrayOps, params: SamplerParams,
) -> Array:  # fmt: skip
    """From ``sigmas[0]`` to ``sigmas[-1]`` (above 0) in as many steps as the error asks for.

    One width for the whole batch, so a picture depends on the others of its batch. Rejected steps count as
    steps. s_noise has no effect, as in the reference.
    """
    t, t_end = -log(sigmas[0]), -log(sigmas[-1])
    control = _StepWidth(1.5 if params.eta else 3.0)
    low_before, i = x, 0
    while t < single(t_end - 1e-5):
        t_next = min(t_end, single(t + single(control.width)))
        target, up = _split(t, t_next, t_end, params.eta)
        step = _Step(model, x, t, target)
        low, high = step.second(1 / 3), step.third()
        error = ops.error_norm(low, high, low_before, _ATOL, _RTOL)
        if not math.isfinite(error) or t_next <= t:
            # no width would ever be accepted: stop here in place of going on for ever
            raise BackendError("DPM adaptive found no step: the model's numbers are not finite or too wild")
        if control.accepts(error):
            x, low_before, t = high + noise.draw() * up, low, t_next
        on_step(i)
        i += 1
    return x
