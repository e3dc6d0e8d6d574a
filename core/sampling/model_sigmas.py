"""A model's own noise table, and the way between its noise levels and its time.

The reference keeps these tables in float32. The rounding shows: 1 - alphas_cumprod near t = 0 has few
digits left, so the table here is rounded at the same places and kept as Python floats.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from operator import mul

from core.domain.errors import InvalidValue
from core.sampling.float32 import exp, lerp, log, single
from core.sampling.float32 import linspace as linspace32

TRAINING_STEPS = 1000
ZERO_SNR_LAST = 4.8973451890853435e-08
"""The last alphas_cumprod under zero terminal SNR: not quite 0, so that its sigma stays finite."""


def linspace(first: float, last: float, count: int) -> list[float]:
    """``count`` evenly spaced values with both ends; ``[first]`` when count is 1."""
    if count <= 1:
        return [first] * count
    step = (last - first) / (count - 1)
    return [first + step * i for i in range(count - 1)] + [last]


def _sigma(alpha_cumprod: float) -> float:
    return single(math.sqrt(single(single(1.0 - alpha_cumprod) / alpha_cumprod)))


@dataclass(frozen=True)
class ModelSigmas:
    """The noise levels a model was trained at, ascending; index = model time.

    :param sigmas: standard deviation of the noise for unit data, one per training step.
    :param alphas_cumprod: share of signal variance, ``1 / (1 + sigma^2)``; empty for a flow model.
    :param quantize: sigma_to_t answers the nearest whole time (option enable_quantization).
    :param is_flow: sigmas mix data and noise as ``(1 - sigma) x + sigma noise`` (SD3).
    """

    sigmas: tuple[float, ...]
    alphas_cumprod: tuple[float, ...] = ()
    quantize: bool = False
    is_flow: bool = False
    log_sigmas: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.sigmas) < 2:
            raise InvalidValue("sigmas", self.sigmas, "a model has at least two noise levels")
        object.__setattr__(self, "log_sigmas", tuple(log(s) for s in self.sigmas))

    @classmethod
    def from_alphas_cumprod(cls, alphas_cumprod: Sequence[float]) -> ModelSigmas:
        """From the cumulative products of 1 - beta, in order of model time."""
        alphas = tuple(single(a) for a in alphas_cumprod)
        if not all(0.0 < a < 1.0 for a in alphas):
            raise InvalidValue("alphas_cumprod", alphas_cumprod, "each lies between 0 and 1, both excluded")
        return cls(tuple(_sigma(a) for a in alphas), alphas)

    @classmethod
    def from_betas(cls, betas: Sequence[float]) -> ModelSigmas:
        """From the variance added at each training step."""
        return cls.from_alphas_cumprod(list(accumulate((1.0 - b for b in betas), mul)))

    @classmethod
    def scaled_linear(
        cls, start: float = 0.00085, end: float = 0.012, count: int = TRAINING_STEPS
    ) -> ModelSigmas:
        """The table of SD 1, SD 2 and SDXL: betas linear in their square roots."""
        return cls.from_betas([r * r for r in linspace(math.sqrt(start), math.sqrt(end), count)])

    @classmethod
    def flow(cls, shift: float = 3.0, count: int = TRAINING_STEPS) -> ModelSigmas:
        """The rectified-flow table of SD3: ``shift t / (1 + (shift - 1) t)`` for t = 1/count .. 1."""
        times = [(i + 1) / count for i in range(count)]
        return cls(tuple(shift * t / (1.0 + (shift - 1.0) * t) for t in times), is_flow=True)

    @property
    def sigma_min(self) -> float:
        return self.sigmas[0]

    @property
    def sigma_max(self) -> float:
        return self.sigmas[-1]

    def zero_terminal_snr(self) -> ModelSigmas:
        """The same table with sqrt(alphas_cumprod) shifted and scaled to end at (almost) pure noise."""
        roots = [math.sqrt(a) for a in self.alphas_cumprod]
        scale = roots[0] / (roots[0] - roots[-1])
        alphas = [((r - roots[-1]) * scale) ** 2 for r in roots[:-1]] + [ZERO_SNR_LAST]
        return replace(ModelSigmas.from_alphas_cumprod(alphas), quantize=self.quantize)

    def quantized(self, on: bool = True) -> ModelSigmas:
        """The same table whose sigma_to_t answers whole times."""
        return replace(self, quantize=on)

    def sigma_to_t(self, sigma: float, quantize: bool | None = None) -> float:
        """Model time of a noise level, log-linear between the table's entries and clamped to its ends."""
        log_sigma = log(sigma)
        low = min(max(bisect_right(self.log_sigmas, log_sigma) - 1, 0), len(self.sigmas) - 2)
        below, above = self.log_sigmas[low], self.log_sigmas[low + 1]
        if self.quantize if quantize is None else quantize:
            return float(low if log_sigma - below <= above - log_sigma else low + 1)
        weight = single(single(below - log_sigma) / single(below - above))
        return lerp(low, low + 1, min(max(weight, 0.0), 1.0))

    def t_to_sigma(self, t: float) -> float:
        """Noise level of a model time, log-linear between the neighbouring whole times."""
        t = min(max(single(t), 0.0), len(self.sigmas) - 1.0)
        low, high = math.floor(t), math.ceil(t)
        return exp(lerp(self.log_sigmas[low], self.log_sigmas[high], t - low))

    def alpha_cumprod_at(self, t: float) -> float:
        """Signal variance at a model time, linear between whole times."""
        t = min(max(t, 0.0), len(self.alphas_cumprod) - 1.0)
        low, weight = math.floor(t), t - math.floor(t)
        if weight == 0.0:
            return self.alphas_cumprod[low]
        return (1.0 - weight) * self.alphas_cumprod[low] + weight * self.alphas_cumprod[low + 1]

    def uniform(self, n: int) -> list[float]:
        """n noise levels evenly spaced in model time from the highest down, then 0."""
        return [self.t_to_sigma(t) for t in linspace32(len(self.sigmas) - 1.0, 0.0, n)] + [0.0]
