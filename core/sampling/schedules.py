"""The noise schedules by name, and the one function that makes the sigmas of a pass."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from core.domain.errors import InvalidValue, UnknownScheduler
from core.sampling import schedule_values as values
from core.sampling.float32 import single
from core.sampling.lcm_sigmas import LcmSigmas
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.schedule_values import ScheduleFunction, ScheduleInputs

__all__ = [
    "AUTOMATIC",
    "SCHEDULERS",
    "LcmSigmas",
    "ModelSigmas",
    "ScheduleOverrides",
    "SchedulerInfo",
    "brownian_range",
    "find_scheduler",
    "schedule_sigmas",
]

_OLD_KARRAS_RANGE = (0.1, 10.0)


@dataclass(frozen=True, slots=True)
class SchedulerInfo:
    """One row of GET /sdapi/v1/schedulers. ``default_rho`` is -1 where the schedule has no rho."""

    name: str
    label: str
    function: ScheduleFunction
    default_rho: float = -1.0
    need_inner_model: bool = False
    aliases: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Label, name and aliases: what a request may call it, and what may follow a sampler's name."""
        return (self.label, self.name, *self.aliases)


AUTOMATIC = SchedulerInfo("automatic", "Automatic", values.automatic)
"""Stands for the sampler's own default schedule; where it has none, for Uniform, or for the levels that a
distilled model was taught."""

SCHEDULERS: tuple[SchedulerInfo, ...] = (
    AUTOMATIC,
    SchedulerInfo("uniform", "Uniform", values.uniform, need_inner_model=True),
    SchedulerInfo("karras", "Karras", values.karras, default_rho=7.0),
    SchedulerInfo("exponential", "Exponential", values.exponential),
    SchedulerInfo("polyexponential", "Polyexponential", values.polyexponential, default_rho=1.0),
    SchedulerInfo(
        "sgm_uniform", "SGM Uniform", values.sgm_uniform, need_inner_model=True, aliases=("SGMUniform",)
    ),
    SchedulerInfo("kl_optimal", "KL Optimal", values.kl_optimal),
    SchedulerInfo("align_your_steps", "Align Your Steps", values.align_your_steps),
    SchedulerInfo("simple", "Simple", values.simple, need_inner_model=True),
    SchedulerInfo("normal", "Normal", values.normal, need_inner_model=True),
    SchedulerInfo("ddim", "DDIM", values.ddim, need_inner_model=True),
    SchedulerInfo("beta", "Beta", values.beta, need_inner_model=True),
)
"""In the order of the API's list."""

_BY_NAME = {name.casefold(): info for info in SCHEDULERS for name in info.names()}


def find_scheduler(name: str | None) -> SchedulerInfo:
    """The schedule of that label, name or alias, in any case; Automatic for none. Raises UnknownScheduler."""
    if name is None or not name.strip():
        return AUTOMATIC
    found = _BY_NAME.get(name.strip().casefold())
    if found is None:
        raise UnknownScheduler(name, (info.label for info in SCHEDULERS))
    return found


@dataclass(frozen=True, slots=True)
class ScheduleOverrides:
    """Options that change every schedule. 0 in sigma_min, sigma_max and rho means: as the model or schedule
    has it.

    :param old_karras_range: span 0.1 to 10 in place of the model's range (use_old_karras_scheduler_sigmas).
    :param discard_penultimate: make one level more and drop the last but one
        (always_discard_next_to_last_sigma).
    """

    sigma_min: float = 0.0
    sigma_max: float = 0.0
    rho: float = 0.0
    old_karras_range: bool = False
    discard_penultimate: bool = False
    beta_alpha: float = 0.6
    beta_beta: float = 0.6

    def inputs(self, scheduler: SchedulerInfo, table: ModelSigmas, is_sdxl: bool) -> ScheduleInputs:
        """What the schedule's function gets. Raises InvalidValue for a range or shape that is none."""
        low, high = _OLD_KARRAS_RANGE if self.old_karras_range else (table.sigma_min, table.sigma_max)
        rho = self.rho if self.rho and scheduler.default_rho > 0.0 else scheduler.default_rho
        made = ScheduleInputs(
            table=table,
            sigma_min=self.sigma_min or low,
            sigma_max=self.sigma_max or high,
            rho=rho,
            beta_alpha=self.beta_alpha,
            beta_beta=self.beta_beta,
            is_sdxl=is_sdxl,
        )
        self._check(made, scheduler)
        return made

    @staticmethod
    def _check(made: ScheduleInputs, scheduler: SchedulerInfo) -> None:
        if not (0.0 < made.sigma_min < made.sigma_max < math.inf):
            expected = f"it must lie above 0 and below sigma_max, which is {made.sigma_max:g}"
            raise InvalidValue("sigma_min", made.sigma_min, expected)
        if scheduler.default_rho > 0.0 and not 0.0 < made.rho < math.inf:
            raise InvalidValue("rho", made.rho, "it must be positive")
        if min(made.beta_alpha, made.beta_beta) <= 0.0:
            raise InvalidValue("beta_dist_alpha", made.beta_alpha, "alpha and beta must be positive")


def schedule_sigmas(
    scheduler: SchedulerInfo,
    steps: int,
    table: ModelSigmas,
    overrides: ScheduleOverrides | None = None,
    *,
    is_sdxl: bool = False,
) -> list[float]:
    """The descending noise levels of a whole schedule of ``steps`` steps, usually ending in 0.

    ``table`` is the sampler's table (LcmSigmas for LCM). Raises InvalidValue when there are no such levels.
    """
    overrides = overrides or ScheduleOverrides()
    if steps < 1:
        raise InvalidValue("steps", steps, "at least 1 is needed")
    inputs = overrides.inputs(scheduler, table, is_sdxl)
    made = scheduler.function(steps + (1 if overrides.discard_penultimate else 0), inputs)
    sigmas = [single(s) for s in made]
    if overrides.discard_penultimate:
        sigmas = [*sigmas[:-2], sigmas[-1]]
    if not all(now > later for now, later in pairwise(sigmas)):
        expected = f"the schedule {scheduler.label} has not so many different noise levels; ask for fewer"
        raise InvalidValue("steps", steps, expected)
    return sigmas


def brownian_range(sigmas: list[float]) -> tuple[float, float]:
    """Lowest positive and highest noise level of a full schedule: the span of the Brownian trees of a run."""
    return min(s for s in sigmas if s > 0.0), max(sigmas)
