"""From a request and its options to a sampling plan, and what the infotext says of it.

Where both the request and an option set one of the ``s_*`` numbers, an option that differs from its default
wins, as in the reference; only then does the infotext mention it.
"""

from __future__ import annotations

import math
from typing import Any

from core.domain.families import REFINER, SDXL
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest
from core.sampling.params import UniPCOptions
from core.sampling.passes import SamplingPlan
from core.sampling.registry import ResolvedSampling, SamplerInfo
from core.sampling.schedules import ScheduleOverrides

_SIGMA_LABELS = {
    "s_churn": "Sigma churn",
    "s_tmin": "Sigma tmin",
    "s_tmax": "Sigma tmax",
    "s_noise": "Sigma noise",
}
_SIGMA_DEFAULTS = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": math.inf, "s_noise": 1.0}
_ETA_LABELS = {"eta_ancestral": "Eta", "eta_ddim": "Eta DDIM"}


def make_plan(
    request: GenerationRequest, options: OptionValues, resolved: ResolvedSampling, family: str = ""
) -> SamplingPlan:
    """The plan of the first pass. Raises ``InvalidValue`` for numbers that make no schedule."""
    return SamplingPlan(
        sampler=resolved.sampler,
        scheduler=resolved.scheduler,
        steps=request.steps,
        eta=_eta(request, options, resolved.sampler),
        s_churn=_sigma_number("s_churn", request, options),
        s_tmin=_sigma_number("s_tmin", request, options),
        s_tmax=_sigma_number("s_tmax", request, options),
        s_noise=_sigma_number("s_noise", request, options),
        overrides=_overrides(options),
        unipc=UniPCOptions(
            variant=options.text("uni_pc_variant"),
            skip_type=options.text("uni_pc_skip_type"),
            order=int(options.number("uni_pc_order")),
            lower_order_final=options.flag("uni_pc_lower_order_final"),
        ),
        is_sdxl=family in (SDXL, REFINER),
        sgm_noise_multiplier=options.flag("sgm_noise_multiplier"),
    )


def plan_parameters(
    request: GenerationRequest, options: OptionValues, resolved: ResolvedSampling
) -> dict[str, Any]:
    """The infotext parameters of the plan, in the reference's order."""
    sampler = resolved.sampler
    found: dict[str, Any] = {}
    if options.flag("always_discard_next_to_last_sigma") and sampler.form == "sigma":
        found["Discard penultimate sigma"] = True
    if sampler.form == "sigma" and not sampler.range_only:
        found.update(_schedule_parameters(options, resolved))
    if sampler.form == "sigma" and options.flag("sgm_noise_multiplier") and request.init is None:
        found["SGM noise multiplier"] = True
    if request.init is not None and options.number("img2img_extra_noise") > 0:
        found["Extra noise"] = options["img2img_extra_noise"]
    if sampler.eta_option is not None:
        eta = _eta(request, options, sampler)
        if eta != sampler.default_eta:
            found[_ETA_LABELS[sampler.eta_option]] = eta
    for name in sampler.extra_params:
        if _option_number(name, options) != _SIGMA_DEFAULTS[name]:
            found[_SIGMA_LABELS[name]] = options[name]
    if request.hires is not None and options.number("img2img_extra_noise") > 0:
        found["Extra noise"] = options["img2img_extra_noise"]
    return found


def _schedule_parameters(options: OptionValues, resolved: ResolvedSampling) -> dict[str, Any]:
    schedule = resolved.schedule
    found: dict[str, Any] = {}
    if not schedule.need_inner_model or schedule.name == "beta":
        for option, label in (("sigma_min", "Schedule min sigma"), ("sigma_max", "Schedule max sigma")):
            if options.number(option) and schedule.name != "automatic":
                found[label] = options[option]
        if (
            options.number("rho")
            and schedule.default_rho > 0
            and options.number("rho") != schedule.default_rho
        ):
            found["Schedule rho"] = options["rho"]
    if schedule.name == "beta":
        found["Beta schedule alpha"] = options["beta_dist_alpha"]
        found["Beta schedule beta"] = options["beta_dist_beta"]
    return found


def _overrides(options: OptionValues) -> ScheduleOverrides:
    return ScheduleOverrides(
        sigma_min=options.number("sigma_min"),
        sigma_max=options.number("sigma_max"),
        rho=options.number("rho"),
        old_karras_range=options.flag("use_old_karras_scheduler_sigmas"),
        discard_penultimate=options.flag("always_discard_next_to_last_sigma"),
        beta_alpha=options.number("beta_dist_alpha"),
        beta_beta=options.number("beta_dist_beta"),
    )


def _eta(request: GenerationRequest, options: OptionValues, sampler: SamplerInfo) -> float | None:
    if sampler.eta_option is None:
        return None
    return request.eta if request.eta is not None else options.number(sampler.eta_option)


def _sigma_number(name: str, request: GenerationRequest, options: OptionValues) -> float:
    of_option = _option_number(name, options)
    if of_option != _SIGMA_DEFAULTS[name]:
        return of_option
    value = getattr(request, name)
    if value is None:
        return of_option
    return math.inf if name == "s_tmax" and value == 0 else float(value)


def _option_number(name: str, options: OptionValues) -> float:
    value = options.number(name)
    return math.inf if name == "s_tmax" and value == 0 else value
