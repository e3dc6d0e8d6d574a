"""What a network is given and what its answer means.

In the sigma form the prediction is x0, in the timestep form it is epsilon. For both::

    s = scaling.at_sigma(sigma)            # or scaling.at_time(t)
    prediction = x * s.c_skip + network(x * s.c_in, s.t) * s.c_out

Guidance is linear, so it may be applied to the network's answers or to the predictions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from core.sampling.flow import check_flow_sampler
from core.sampling.lcm_sigmas import LcmSigmas
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.registry import SamplerInfo

_LCM_DATA_DEVIATION = 0.5
_LCM_TIME_SCALE = 10.0
_FLOW_TIME_SCALE = 1000.0


class PredictionType(StrEnum):
    """What a network was trained to answer. The first three values are those of diffusers' scheduler
    configs."""

    EPSILON = "epsilon"
    V = "v_prediction"
    SAMPLE = "sample"
    FLOW = "flow"


@dataclass(frozen=True, slots=True)
class Scaling:
    """``prediction = x * c_skip + network(x * c_in, t) * c_out``; ``t`` is the network's time, maybe
    fractional."""

    c_in: float
    c_out: float
    c_skip: float
    t: float


@dataclass(frozen=True, slots=True)
class ModelScaling:
    """The scalings of a model of this table and kind of answer."""

    table: ModelSigmas
    prediction: PredictionType

    def at_sigma(self, sigma: float) -> Scaling:
        """For ``x`` = data + sigma * noise (flow: a mixture of both); predicts x0."""
        if self.prediction is PredictionType.FLOW:
            return Scaling(1.0, -sigma, 1.0, sigma * _FLOW_TIME_SCALE)
        shrink, t = 1.0 / math.sqrt(sigma**2 + 1.0), self.table.sigma_to_t(sigma)
        if self.prediction is PredictionType.EPSILON:
            return Scaling(shrink, -sigma, 1.0, t)
        if self.prediction is PredictionType.V:
            return Scaling(shrink, -sigma * shrink, shrink**2, t)
        return Scaling(shrink, 1.0, 0.0, t)

    def at_time(self, t: float) -> Scaling:
        """For unscaled ``x`` at a model time; predicts epsilon."""
        if self.prediction is PredictionType.EPSILON:
            return Scaling(1.0, 1.0, 0.0, t)
        alpha = self.table.alpha_cumprod_at(t)
        signal, spread = math.sqrt(alpha), math.sqrt(1.0 - alpha)
        if self.prediction is PredictionType.V:
            return Scaling(1.0, signal, spread, t)
        return Scaling(1.0, -signal / spread, 1.0 / spread, t)


@dataclass(frozen=True, slots=True)
class ConsistencyScaling(ModelScaling):
    """The scalings of a latent consistency model: x0 as of the plain model, drawn toward x near time 0."""

    def at_sigma(self, sigma: float) -> Scaling:
        plain = ModelScaling.at_sigma(self, sigma)
        tau = _LCM_TIME_SCALE * plain.t
        norm = tau**2 + _LCM_DATA_DEVIATION**2
        keep, move = _LCM_DATA_DEVIATION**2 / norm, tau / math.sqrt(norm)
        return Scaling(plain.c_in, move * plain.c_out, move * plain.c_skip + keep, plain.t)


def model_scaling(
    sampler: SamplerInfo, model_sigmas: ModelSigmas, prediction: PredictionType
) -> ModelScaling:
    """The scaling a backend uses for a pass with this sampler. ``model_sigmas``: the model's full table.

    Raises InvalidValue for a sampler that cannot follow a flow model's levels.
    """
    if prediction is PredictionType.FLOW:
        check_flow_sampler(sampler)
    if sampler.consistency:
        return ConsistencyScaling(LcmSigmas.of(model_sigmas), prediction)
    return ModelScaling(model_sigmas, prediction)
