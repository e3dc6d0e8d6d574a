"""Scalar stand-ins: the samplers run on plain floats as well as on arrays."""

from __future__ import annotations

import math

from core.sampling.schedules import ModelSigmas
from core.sampling.types import Prediction

TABLE = ModelSigmas.scaled_linear()


class CountingNoise:
    """0.1, 0.2, 0.3, .. whatever is asked."""

    def __init__(self) -> None:
        self.used = 0
        self.asked: list[tuple[float, float]] = []

    def draw(self) -> float:
        self.used += 1
        return self.used / 10

    def between(self, sigma: float, sigma_next: float) -> float:
        self.asked.append((sigma, sigma_next))
        return self.draw()


class ScalarDenoiser:
    """The two toy models of the specification's check values."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    def sigma(self, x: float, sigma: float) -> Prediction:
        self.asked.append(sigma)
        return Prediction(x / (1 + sigma**2), x / (1 + sigma**2))

    def timestep(self, x: float, t: float) -> Prediction:
        self.asked.append(t)
        # the check values were made with whole indices, also at UniPC's fractional times
        alpha = TABLE.alphas_cumprod[int(t)]
        eps = x * math.sqrt(1 - alpha) + 0.3 * math.sqrt(alpha)
        return Prediction(eps, 0.9 * eps)


class ScalarOps:
    def error_norm(self, low: float, high: float, previous: float, atol: float, rtol: float) -> float:
        return abs(low - high) / max(atol, rtol * max(abs(low), abs(previous)))
