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
from core.sampling.spacing import Spacing, trailing_times

TRAINING_STEPS = 1000
ZERO_SNR_LAST = 4.8973451890853435e-08
"""The last alphas_cumprod under zero terminal SNR: not quite 0, so that its sigma stays finite."""


def linspace(first: float, last: float, count: int) -> list[float]:
    """``count`` evenly spaced values with both ends; ``[first]`` when count is 1."""
    if count <= 1:
        return [first] * count
    step = (last - first) / (count - 1)
    return [first + step * i for i in range(count - 1)] + [last]


def _shifted(time: float, shift: float) -> float:
    return shift * time / (1.0 + (shift - 1.0) * time)


def _stretched(levels: list[float], terminal: float) -> list[float]:
    """The same, with the distances from 1 scaled so that the last is ``terminal``."""
    done = 1.0 - levels[-1]
    if terminal == 0.0 or done == 0.0:
        return levels
    return [1.0 - (1.0 - level) * (1.0 - terminal) / done for level in levels]


def _sigma(alpha_cumprod: float) -> float:
    return single(math.sqrt(single(single(1.0 - alpha_cumprod) / alpha_cumprod)))


@dataclass(frozen=True)
class ModelSigmas:
    """The noise levels a model was trained at, ascending; index = model time.

    :param sigmas: standard deviation of the noise for unit data, one per training step.
    :param alphas_cumprod: share of signal variance, ``1 / (1 + sigma^2)``; empty for a flow model.
    :param quantize: sigma_to_t answers the nearest whole time (option enable_quantization).
    :param is_flow: sigmas mix data and noise as ``(1 - sigma) x + sigma noise`` (SD3).
    :param shift: of a flow table: how far its levels lean towards noise.
    :param trailing: uniform levels are spaced as the makers of flow models space them: 1 to 1 / n, shifted.
    :param spacing: what Automatic means for it.
    :param terminal: where trailing levels are stretched to end; 0: they end where they fall.
    """

    sigmas: tuple[float, ...]
    alphas_cumprod: tuple[float, ...] = ()
    quantize: bool = False
    is_flow: bool = False
    shift: float = 1.0
    trailing: bool = False
    terminal: float = 0.0
    spacing: Spacing = Spacing.UNIFORM
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
    def flow(
        cls, shift: float = 3.0, count: int = TRAINING_STEPS, *, trailing: bool = False, terminal: float = 0.0
    ) -> ModelSigmas:
        """The rectified-flow table of SD3: ``shift t / (1 + (shift - 1) t)`` for t = 1/count .. 1."""
        sigmas = tuple(_shifted((i + 1) / count, shift) for i in range(count))
        return cls(sigmas, is_flow=True, shift=shift, trailing=trailing, terminal=terminal)

    @property
    def sigma_min(self) -> float:
        return self.sigmas[0]

    @property
    def sigma_max(self) -> float:
        return self.sigmas[-1]

    def zero_terminal_snr(self) -> ModelSigmas:
        """The same table with sqrt(alphas_cumprod) shifted and scaled to end at (almost) pure noise. A flow
        table does so anyway."""
        if self.is_flow:
            return self
        roots = [math.sqrt(a) for a in self.alphas_cumprod]
        scale = roots[0] / (roots[0] - roots[-1])
        alphas = [((r - roots[-1]) * scale) ** 2 for r in roots[:-1]] + [ZERO_SNR_LAST]
        return replace(ModelSigmas.from_alphas_cumprod(alphas), quantize=self.quantize, spacing=self.spacing)

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
        if self.trailing:
            return [*_stretched([_shifted(1.0 - i / n, self.shift) for i in range(n)], self.terminal), 0.0]
        return [self.t_to_sigma(t) for t in linspace32(len(self.sigmas) - 1.0, 0.0, n)] + [0.0]

    def automatic(self, n: int) -> list[float]:
        """The levels of a request that asks for none, where the sampler has no schedule of its own."""
        if self.spacing is Spacing.TRAILING:
            return [*(self.sigmas[t] for t in trailing_times(n, len(self.sigmas))), 0.0]
        return self.uniform(n)
