"""The coarse noise table of latent consistency models."""

from __future__ import annotations

from dataclasses import dataclass

from core.sampling.float32 import linspace
from core.sampling.model_sigmas import TRAINING_STEPS, ModelSigmas
from core.sampling.spacing import Spacing, skipping_times

LCM_STEPS = 50
"""A consistency model is distilled on this many of the teacher's training steps."""


@dataclass(frozen=True)
class LcmSigmas(ModelSigmas):
    """Every ``stride``-th entry of a model's table. Times stay those of the full table (19, 39, .. 999)."""

    stride: int = TRAINING_STEPS // LCM_STEPS

    @classmethod
    def of(cls, table: ModelSigmas) -> LcmSigmas:
        """The consistency table of a model with this full table."""
        stride = max(len(table.sigmas) // LCM_STEPS, 1)
        kept = slice(stride - 1, None, stride)
        return cls(
            table.sigmas[kept],
            table.alphas_cumprod[kept],
            is_flow=table.is_flow,
            spacing=table.spacing,
            stride=stride,
        )

    def sigma_to_t(self, sigma: float, quantize: bool | None = None) -> float:
        """Nearest of the distilled times: such a model was never asked at any other."""
        return super().sigma_to_t(sigma, quantize=True) * self.stride + self.stride - 1

    def t_to_sigma(self, t: float) -> float:
        return super().t_to_sigma((t - (self.stride - 1)) / self.stride)

    def uniform(self, n: int) -> list[float]:
        first, last = self.sigma_to_t(self.sigma_max), self.sigma_to_t(self.sigma_min)
        return [self.t_to_sigma(t) for t in linspace(first, last, n)] + [0.0]

    def automatic(self, n: int) -> list[float]:
        if self.spacing is Spacing.CONSISTENCY:
            return [*(self.sigmas[i] for i in skipping_times(n, len(self.sigmas))), 0.0]
        return self.uniform(n)
