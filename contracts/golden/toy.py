"""The toy denoiser that the sampler recordings were made with, and a noise source that replays draws."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.sampling.model_sigmas import ModelSigmas
from core.sampling.types import Prediction

Floats = NDArray[np.float64]

TABLE = ModelSigmas.scaled_linear()
"""The SD1 noise table."""

_BETAS = [(0.00085**0.5 + i / 999 * (0.012**0.5 - 0.00085**0.5)) ** 2 for i in range(1000)]
DOUBLE_TABLE = replace(TABLE, alphas_cumprod=tuple(accumulate((1.0 - b for b in _BETAS), mul)))
"""The same with unrounded alphas_cumprod: the recordings of the timestep samplers were made in float64."""

_MEANS = (0.7, -0.4)
_VARIANCE = 0.25**2


def toy_x0(x: Floats, sigma: float) -> Floats:
    """Posterior mean of an even mixture of two Gaussians seen through noise of this level."""
    variance = _VARIANCE + sigma**2
    logits = [-((x - m) ** 2) / (2.0 * variance) for m in _MEANS]
    highest = np.maximum(*logits)
    shares = [np.exp(v - highest) for v in logits]
    pulls = [(_VARIANCE * x + sigma**2 * m) / variance for m in _MEANS]
    result: Floats = (shares[0] * pulls[0] + shares[1] * pulls[1]) / (shares[0] + shares[1])
    return result


class ToyDenoiser:
    """Answers in both forms and keeps count: ``calls``, and the mean of the first answer of each step."""

    def __init__(self, table: ModelSigmas = DOUBLE_TABLE) -> None:
        self._table = table
        self.calls = 0
        self.means: list[float] = []
        self.steps = 0
        self._between_steps = True

    def on_step(self, i: int) -> None:
        assert i == self.steps, "on_step counts up from 0, once a step"
        self.steps += 1
        self._between_steps = True

    def _answered(self, x0: Floats) -> None:
        self.calls += 1
        if self._between_steps:
            self.means.append(float(x0.mean()))
            self._between_steps = False

    def sigma(self, x: Any, sigma: float) -> Prediction:
        x0 = toy_x0(x, sigma)
        self._answered(x0)
        return Prediction(x0, x0)

    def timestep(self, x: Any, t: float) -> Prediction:
        alpha = self._table.alpha_cumprod_at(t)
        sigma = math.sqrt((1.0 - alpha) / alpha)
        unscaled = x / math.sqrt(alpha)
        x0 = toy_x0(unscaled, sigma)
        self._answered(x0)
        eps = (unscaled - x0) / sigma
        return Prediction(eps, eps)


class ReplayedNoise:
    """Every request takes the next recorded draw, Brownian ones too."""

    def __init__(self, draws: Floats) -> None:
        self._draws = draws
        self.used = 0

    def draw(self) -> Floats:
        self.used += 1
        drawn: Floats = self._draws[self.used - 1]
        return drawn

    def between(self, sigma: float, sigma_next: float) -> Floats:
        return self.draw()


class NumpyOps:
    """ArrayOps over numpy."""

    def error_norm(self, low: Any, high: Any, previous: Any, atol: float, rtol: float) -> float:
        allowed = np.maximum(atol, rtol * np.maximum(np.abs(low), np.abs(previous)))
        return float(np.linalg.norm((low - high) / allowed)) / math.sqrt(low.size)
