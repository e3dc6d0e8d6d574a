"""The numbers a request may set on a sampler."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from core.domain.errors import InvalidValue

UNIPC_VARIANTS = ("bh1", "bh2", "vary_coeff")
UNIPC_SKIPS = ("time_uniform", "time_quadratic", "logSNR")


@dataclass(frozen=True, slots=True)
class UniPCOptions:
    """The uni_pc_* options: solver variant, spacing of its times, order, and lower order in the last
    steps."""

    variant: str = "bh1"
    skip_type: str = "time_uniform"
    order: int = 3
    lower_order_final: bool = True

    def __post_init__(self) -> None:
        if self.variant not in UNIPC_VARIANTS:
            raise InvalidValue("uni_pc_variant", self.variant, f"it is one of {', '.join(UNIPC_VARIANTS)}")
        if self.skip_type not in UNIPC_SKIPS:
            raise InvalidValue("uni_pc_skip_type", self.skip_type, f"it is one of {', '.join(UNIPC_SKIPS)}")
        if self.order < 1:
            raise InvalidValue("uni_pc_order", self.order, "at least 1 is needed")


@dataclass(frozen=True, slots=True)
class SamplerParams:
    """What a sampler's formulas may use. Each reads only what it has a use for.

    :param eta: share of the step's noise that is drawn afresh; 0 makes an ancestral sampler deterministic.
    :param s_churn: noise put back before each step, spread over the steps, while s_tmin <= sigma <= s_tmax.
    :param s_noise: factor on every noise the sampler adds.
    :param evaluations: model evaluations that DPM fast may spend; no other sampler reads it.
    :param start_time: continuous time, 0..1, that UniPC starts at; no other sampler reads it.
    """

    eta: float = 1.0
    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0
    evaluations: int = 0
    start_time: float = 1.0
    unipc: UniPCOptions = field(default_factory=UniPCOptions)
