"""DDIM, DDIM CFG++ and PLMS: timestep samplers over whole model times, on unscaled x."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.sampling.model_sigmas import ModelSigmas
from core.sampling.params import SamplerParams
from core.sampling.types import Array, NoiseSource, OnStep, Prediction, TimestepModel

# weights of the newest slopes, newest first (Adams-Bashforth)
_BASHFORTH = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)


def transfer(
    x: Array, eps: Array, direction: Array, alpha: float, alpha_next: float, spread: float = 0.0
) -> Array:
    """DDIM's step between two signal variances: x0 from ``eps``, then noise along ``direction``.

    ``spread`` is the standard deviation left free for fresh noise.
    """
    x0 = (x - eps * math.sqrt(1.0 - alpha)) / math.sqrt(alpha)
    along = math.sqrt(max(1.0 - alpha_next - spread**2, 0.0))
    return x0 * math.sqrt(alpha_next) + direction * along


def _ddim(
    model: TimestepModel, x: Array, times: Sequence[int], noise: NoiseSource, on_step: OnStep,
    table: ModelSigmas, eta: float, cfg_pp: bool,
) -> Array:  # fmt: skip
    alphas = [table.alphas_cumprod[t] for t in times]
    for i in range(len(times) - 1, 0, -1):
        said: Prediction = model(x, float(times[i]))
        alpha, alpha_next = alphas[i], alphas[i - 1]
        spread = eta * math.sqrt((1.0 - alpha_next) / (1.0 - alpha) * (1.0 - alpha / alpha_next))
        direction = said.uncond if cfg_pp else said.guided
        x = transfer(x, said.guided, direction, alpha, alpha_next, spread)
        # drawn at eta 0 too: the noise of a step does not depend on eta
        x = x + noise.draw() * spread
        on_step(len(times) - 1 - i)
    return x


def ddim(
    model: TimestepModel, x: Array, times: Sequence[int], noise: NoiseSource, on_step: OnStep,
    table: ModelSigmas, params: SamplerParams,
) -> Array:  # fmt: skip
    """From ``times[-1]`` down to ``times[0]``, which itself is not evaluated (Song et al. 2020)."""
    return _ddim(model, x, times, noise, on_step, table, params.eta, cfg_pp=False)


def ddim_cfg_pp(
    model: TimestepModel, x: Array, times: Sequence[int], noise: NoiseSource, on_step: OnStep,
    table: ModelSigmas, params: SamplerParams,
) -> Array:  # fmt: skip
    """DDIM with guided x0 and unconditional direction (Chung et al. 2024). Wants a much lower guidance
    scale."""
    return _ddim(model, x, times, noise, on_step, table, params.eta, cfg_pp=True)


def plms(
    model: TimestepModel, x: Array, times: Sequence[int], noise: NoiseSource, on_step: OnStep,
    table: ModelSigmas, params: SamplerParams,
) -> Array:  # fmt: skip
    """Pseudo linear multistep over DDIM's step (Liu et al. 2022). The first step asks the model twice."""
    alphas = [table.alphas_cumprod[t] for t in times]
    slopes: list[Array] = []
    for i in range(len(times) - 1, 0, -1):
        eps = model(x, float(times[i])).guided
        slopes = [eps, *slopes[:3]]
        if len(slopes) == 1:
            ahead = transfer(x, eps, eps, alphas[i], alphas[i - 1])
            used = (eps + model(ahead, float(times[i - 1])).guided) / 2
        else:
            weighted = zip(_BASHFORTH[len(slopes) - 1], slopes, strict=True)
            used = sum(slope * weight for weight, slope in weighted)
        x = transfer(x, used, used, alphas[i], alphas[i - 1])
        on_step(len(times) - 1 - i)
    return x
