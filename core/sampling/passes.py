"""One sampling pass from start to end: the entry point of every backend.

txt2img starts from noise (``sample_from_noise``); img2img and the second pass of hires fix start from a
noised latent (``sample_from_latent``). Both choose the levels, scale the start and run the sampler.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from core.domain.errors import InvalidValue
from core.sampling.dpm_solver import dpm_fast, dpm_fast_steps
from core.sampling.flow import check_flow_levels, check_flow_sampler
from core.sampling.lcm_sigmas import LcmSigmas
from core.sampling.model_sigmas import TRAINING_STEPS, ModelSigmas
from core.sampling.params import SamplerParams, UniPCOptions
from core.sampling.registry import ResolvedSampling, SamplerInfo
from core.sampling.schedules import ScheduleOverrides, SchedulerInfo, brownian_range, schedule_sigmas
from core.sampling.types import Array, ArrayOps, Denoiser, NoiseSource, OnStep
from core.sampling.unipc import check_unipc, unipc

_MOST_STRENGTH = 0.999
_LONGEST_SCHEDULE = 100_000
"""Most steps of a schedule of which only the end is run: a tiny strength would ask for any number."""


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """Everything about a pass that is not an array. Precedence of options is settled before.

    :param scheduler: as asked for; Automatic stands for the sampler's own.
    :param steps: as asked for; how many are run see ``executed_steps``.
    :param eta: None: the sampler's built-in default.
    :param sgm_noise_multiplier: start txt2img from noise * sqrt(1 + sigma^2).
    """

    sampler: SamplerInfo
    scheduler: SchedulerInfo
    steps: int
    eta: float | None = None
    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0
    overrides: ScheduleOverrides = field(default_factory=ScheduleOverrides)
    unipc: UniPCOptions = field(default_factory=UniPCOptions)
    is_sdxl: bool = False
    sgm_noise_multiplier: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InvalidValue("steps", self.steps, "at least 1 is needed")

    @property
    def prompt_steps(self) -> int:
        """The T of prompt editing, refiner and negative-guidance parity: two a step for second-order
        samplers."""
        return self.steps * (2 if self.sampler.second_order else 1)

    def params(self) -> SamplerParams:
        """The numbers for the sampler."""
        return SamplerParams(
            eta=self.sampler.default_eta if self.eta is None else self.eta,
            s_churn=self.s_churn,
            s_tmin=self.s_tmin,
            s_tmax=self.s_tmax,
            s_noise=self.s_noise,
            evaluations=self.steps,
            unipc=self.unipc,
        )


@dataclass(frozen=True, slots=True)
class LatentStart:
    """Where a pass from a latent enters the schedule.

    :param total: steps of the whole schedule.
    :param t_enc: how many of its last steps come after the first one run.
    """

    total: int
    t_enc: int

    @classmethod
    def of(cls, steps: int, denoising_strength: float, fixed_steps: bool = False) -> LatentStart:
        """``fixed_steps``: run ``steps`` steps whatever the strength (img2img_fix_steps, hires), and none
        at 0."""
        strength = min(max(denoising_strength, 0.0), _MOST_STRENGTH)
        if fixed_steps:
            if strength * _LONGEST_SCHEDULE < steps and strength > 0.0:
                expected = f"with {steps} steps it must be 0 or at least {steps / _LONGEST_SCHEDULE:g}"
                raise InvalidValue("denoising_strength", denoising_strength, expected)
            return cls(int(steps / strength) if strength > 0.0 else 0, steps - 1)
        return cls(steps, int(strength * steps))


def sampler_table(sampler: SamplerInfo, model_sigmas: ModelSigmas) -> ModelSigmas:
    """The table a sampler's schedule spans: the model's, or its consistency table for LCM."""
    return LcmSigmas.of(model_sigmas) if sampler.consistency else model_sigmas


def plan_sigmas(
    plan: SamplingPlan, model_sigmas: ModelSigmas, start: LatentStart | None = None
) -> list[float]:
    """The full schedule of a pass, before img2img's slice is cut from it."""
    overrides = plan.overrides
    if plan.sampler.discard_next_to_last_sigma:
        overrides = replace(overrides, discard_penultimate=True)
    scheduler = ResolvedSampling(plan.sampler, plan.scheduler).schedule
    steps = plan.steps if start is None else start.total
    if model_sigmas.is_flow:
        check_flow_sampler(plan.sampler)
    table = sampler_table(plan.sampler, model_sigmas)
    sigmas = schedule_sigmas(scheduler, steps, table, overrides, is_sdxl=plan.is_sdxl)
    if model_sigmas.is_flow:
        check_flow_levels(scheduler, sigmas, plan.s_churn)
    return sigmas


def brownian_span(
    plan: SamplingPlan, model_sigmas: ModelSigmas, start: LatentStart | None = None
) -> tuple[float, float]:
    """The range ``(low, high)`` of sigma that the noise source's Brownian trees must cover."""
    return brownian_range(plan_sigmas(plan, model_sigmas, start))


def model_times(steps: int) -> list[int]:
    """The ascending model times of the timestep samplers: 1, 1 + q, .. with q = 1000 // steps."""
    if not 1 <= steps <= TRAINING_STEPS:
        expected = f"this sampler takes 1 to {TRAINING_STEPS}, counted before the strength cuts them"
        raise InvalidValue("steps", steps, expected)
    stride = TRAINING_STEPS // steps
    return [min(t + 1, TRAINING_STEPS - 1) for t in range(0, TRAINING_STEPS, stride)]


def _sigma_slice(plan: SamplingPlan, model_sigmas: ModelSigmas, start: LatentStart | None) -> list[float]:
    sigmas = plan_sigmas(plan, model_sigmas, start)
    sigmas = sigmas if start is None else sigmas[start.total - start.t_enc - 1 :]
    if len(sigmas) < 2:
        expected = f"{plan.scheduler.label} has not so many levels; ask for fewer"
        raise InvalidValue("steps", plan.steps, expected)
    return sigmas


def _time_slice(plan: SamplingPlan, model_sigmas: ModelSigmas, start: LatentStart | None) -> list[int]:
    if model_sigmas.is_flow:
        raise InvalidValue("sampler_name", plan.sampler.name, "flow models cannot use it; choose another")
    times = model_times(plan.steps) if start is None else model_times(start.total)[: start.t_enc]
    if times and plan.sampler.solve_times is unipc:
        check_unipc(len(times), plan.unipc)
    return times


def executed_steps(
    plan: SamplingPlan, model_sigmas: ModelSigmas, start: LatentStart | None = None
) -> int | None:
    """How many times ``on_step`` will be called; None: not known before (DPM adaptive).

    ``start``: for a pass from a latent. Raises InvalidValue where the pass would: use it to check a request.
    """
    if start is not None and start.total < 1:
        return 0
    if plan.sampler.form == "timestep":
        count = len(_time_slice(plan, model_sigmas, start))
        return count if plan.sampler.solve_times is unipc else max(count - 1, 0)
    count = len(_sigma_slice(plan, model_sigmas, start)) - 1
    if not plan.sampler.range_only:
        return count
    return dpm_fast_steps(count if start else plan.steps) if plan.sampler.solve is dpm_fast else None


def sample_from_noise(
    plan: SamplingPlan, model_sigmas: ModelSigmas, denoiser: Denoiser, start_noise: Array,
    noise: NoiseSource, on_step: OnStep, ops: ArrayOps,
) -> Array:  # fmt: skip
    """txt2img: the latent drawn from ``start_noise``: standard normal, the first draw of each generator.

    ``noise`` continues after that draw. Raises what the denoiser raises, ``Interrupted`` among it.
    """
    solve, solve_times, params = plan.sampler.solve, plan.sampler.solve_times, plan.params()
    if solve_times is not None:
        times = _time_slice(plan, model_sigmas, None)
        return solve_times(denoiser.timestep, start_noise, times, noise, on_step, model_sigmas, params)
    assert solve is not None
    sigmas = _sigma_slice(plan, model_sigmas, None)
    unit = plan.sgm_noise_multiplier and not model_sigmas.is_flow
    x = start_noise * (math.sqrt(1.0 + sigmas[0] ** 2) if unit else sigmas[0])
    if plan.sampler.range_only:
        sigmas = [model_sigmas.sigma_max, model_sigmas.sigma_min]
    return solve(denoiser.sigma, x, sigmas, noise, on_step, ops, params)


def sample_from_latent(
    plan: SamplingPlan, model_sigmas: ModelSigmas, denoiser: Denoiser, latent: Array, start_noise: Array,
    noise: NoiseSource, on_step: OnStep, ops: ArrayOps, *, start: LatentStart, extra_noise: float = 0.0,
) -> Array:  # fmt: skip
    """img2img and hires: ``latent`` noised to where the strength enters the schedule, and drawn from there.

    ``extra_noise`` (img2img_extra_noise) adds that much of ``start_noise`` again.
    """
    if start.total < 1:
        return latent
    if plan.sampler.form == "timestep":
        return _times_from_latent(
            plan, model_sigmas, denoiser, latent, start_noise, noise, on_step, start, extra_noise
        )
    solve, params = plan.sampler.solve, plan.params()
    assert solve is not None
    sigmas = _sigma_slice(plan, model_sigmas, start)
    kept = 1.0 - sigmas[0] if model_sigmas.is_flow else 1.0
    x = latent * kept + start_noise * sigmas[0]
    if extra_noise > 0.0:
        x = x + start_noise * extra_noise
    if plan.sampler.range_only:
        params = replace(params, evaluations=len(sigmas) - 1)
        sigmas = [sigmas[0], sigmas[-2]]
    return solve(denoiser.sigma, x, sigmas, noise, on_step, ops, params)


def _times_from_latent(
    plan: SamplingPlan, model_sigmas: ModelSigmas, denoiser: Denoiser, latent: Array, start_noise: Array,
    noise: NoiseSource, on_step: OnStep, start: LatentStart, extra_noise: float,
) -> Array:  # fmt: skip
    """Noised to the time after the first one asked, as the reference has it."""
    times, solve_times = _time_slice(plan, model_sigmas, start), plan.sampler.solve_times
    assert solve_times is not None
    alpha = model_sigmas.alphas_cumprod[model_times(start.total)[start.t_enc]]
    x = latent * math.sqrt(alpha) + start_noise * math.sqrt(1.0 - alpha)
    if extra_noise > 0.0:
        x = x + start_noise * (extra_noise * math.sqrt(alpha))
    if not times:
        return x
    params = replace(plan.params(), start_time=(times[-1] + 1) / TRAINING_STEPS)
    return solve_times(denoiser.timestep, x, times, noise, on_step, model_sigmas, params)
