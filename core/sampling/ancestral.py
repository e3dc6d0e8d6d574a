"""How much of a step is done by the model and how much by fresh noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.sampling.params import SamplerParams
from core.sampling.types import Array, NoiseSource

_MOST_CHURN = math.sqrt(2.0) - 1.0


def ancestral_split(sigma: float, sigma_next: float, eta: float) -> tuple[float, float]:
    """The level to denoise down to, and the noise to add so as to be at ``sigma_next``: ``(down, up)``."""
    if not eta or sigma_next == 0.0:
        return sigma_next, 0.0
    variance = sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2
    up = min(sigma_next, eta * math.sqrt(max(variance, 0.0)))
    return math.sqrt(max(sigma_next**2 - up**2, 0.0)), up


def churn(
    x: Array, sigmas: Sequence[float], i: int, noise: NoiseSource, params: SamplerParams
) -> tuple[Array, float]:
    """Put noise back before step i: ``(x, its noise level)``.

    While churn is on, a draw is used up on every step, also outside s_tmin..s_tmax: so the noise of a step
    does not depend on how many before it were inside.
    """
    sigma = sigmas[i]
    if params.s_churn <= 0.0:
        return x, sigma
    drawn = noise.draw()
    if not params.s_tmin <= sigma <= params.s_tmax:
        return x, sigma
    raised = sigma * (1.0 + min(params.s_churn / (len(sigmas) - 1), _MOST_CHURN))
    return x + drawn * (params.s_noise * math.sqrt(raised**2 - sigma**2)), raised
