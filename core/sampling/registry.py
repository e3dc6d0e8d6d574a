"""The samplers by name, and which sampler and schedule a request means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from core.domain.errors import UnknownSampler
from core.domain.unchosen import SAME_SAMPLER, SAME_SCHEDULER, chosen
from core.sampling import ddim, dpm_solver, dpmpp, dpmpp_sde, euler, heun, lcm, unipc
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.params import SamplerParams
from core.sampling.schedules import AUTOMATIC, SCHEDULERS, SchedulerInfo, find_scheduler
from core.sampling.types import Array, ArrayOps, NoiseSource, OnStep, SigmaModel, TimestepModel

DEFAULT_SAMPLER = "Euler"
"""What a request that names no sampler gets."""

CFG_PP_SCALE = 1 / 12.5
"""DDIM CFG++ multiplies the guidance scale of the request by this."""


class SigmaSampler(Protocol):
    """Solves from ``sigmas[0]`` down, in the sigma form."""

    def __call__(
        self, model: SigmaModel, x: Array, sigmas: list[float], noise: NoiseSource, on_step: OnStep,
        ops: ArrayOps, params: SamplerParams,
    ) -> Array: ...  # fmt: skip


class TimestepSampler(Protocol):
    """Solves from the last of the ascending ``times`` down, in the timestep form."""

    def __call__(
        self, model: TimestepModel, x: Array, times: list[int], noise: NoiseSource, on_step: OnStep,
        table: ModelSigmas, params: SamplerParams,
    ) -> Array: ...  # fmt: skip


EtaOption: TypeAlias = Literal["eta_ancestral", "eta_ddim"]

_CHURN = ("s_churn", "s_tmin", "s_tmax", "s_noise")
_S_NOISE = ("s_noise",)


@dataclass(frozen=True, slots=True)
class SamplerInfo:
    """One row of GET /sdapi/v1/samplers, with what the rest of Serena must know of it.

    :param default_scheduler: label of the schedule that Automatic stands for; None: Uniform.
    :param uses_ensd: the option eta_noise_seed_delta shows in its infotext.
    :param second_order: it counts as two model evaluations a step for prompt editing and the refiner.
    :param brownian_noise: it calls ``noise.between``.
    :param discard_next_to_last_sigma: its schedule always drops the last but one level.
    :param extra_params: which of the s_* numbers it reads (and infotext may print).
    :param eta_option: the option that eta defaults to; None: it has no eta.
    :param range_only: it chooses its own levels between the ends of a range (DPM fast, DPM adaptive).
    :param adaptive: the error of a step decides the next, so that rounding may lead to another picture.
    :param cfg_multiplier: what the backend multiplies the guidance scale by.
    :param flow: it follows a flow model's levels too: no noise is added on the way.
    :param consistency: the model is a latent consistency model, with its own table and scaling.
    """

    name: str
    aliases: tuple[str, ...]
    solve: SigmaSampler | None = None
    solve_times: TimestepSampler | None = None
    default_scheduler: str | None = None
    uses_ensd: bool = False
    second_order: bool = False
    brownian_noise: bool = False
    discard_next_to_last_sigma: bool = False
    extra_params: tuple[str, ...] = ()
    eta_option: EtaOption | None = None
    range_only: bool = False
    adaptive: bool = False
    cfg_multiplier: float = 1.0
    consistency: bool = False
    flow: bool = False
    solver_type: str | None = None

    @property
    def form(self) -> Literal["sigma", "timestep"]:
        """Which form of the denoiser it calls."""
        return "timestep" if self.solve is None else "sigma"

    @property
    def default_eta(self) -> float:
        """The built-in default of its eta option."""
        return 1.0 if self.eta_option == "eta_ancestral" else 0.0

    @property
    def options(self) -> dict[str, str]:
        """As GET /sdapi/v1/samplers shows them."""
        scheduler = find_scheduler(self.default_scheduler).name if self.default_scheduler else None
        shown = {
            "scheduler": scheduler,
            "discard_next_to_last_sigma": self.discard_next_to_last_sigma,
            "uses_ensd": self.uses_ensd,
            "second_order": self.second_order,
            "brownian_noise": self.brownian_noise,
            "solver_type": self.solver_type,
        }
        return {key: str(value) for key, value in shown.items() if value}


SAMPLERS: tuple[SamplerInfo, ...] = (
    SamplerInfo("DPM++ 2M", ("k_dpmpp_2m",), dpmpp.dpmpp_2m, default_scheduler="Karras", flow=True),
    SamplerInfo(
        "DPM++ SDE", ("k_dpmpp_sde",), dpmpp_sde.dpmpp_sde, default_scheduler="Karras",
        second_order=True, brownian_noise=True, extra_params=_S_NOISE, eta_option="eta_ancestral",
    ),
    SamplerInfo(
        "DPM++ 2M SDE", ("k_dpmpp_2m_sde",), dpmpp_sde.dpmpp_2m_sde, default_scheduler="Exponential",
        brownian_noise=True, extra_params=_S_NOISE, eta_option="eta_ancestral",
    ),
    SamplerInfo(
        "DPM++ 2M SDE Heun", ("k_dpmpp_2m_sde_heun",), dpmpp_sde.dpmpp_2m_sde_heun,
        default_scheduler="Exponential", brownian_noise=True, extra_params=_S_NOISE,
        eta_option="eta_ancestral", solver_type="heun",
    ),
    SamplerInfo(
        "DPM++ 2S a", ("k_dpmpp_2s_a",), dpmpp.dpmpp_2s_ancestral, default_scheduler="Karras",
        uses_ensd=True, second_order=True, extra_params=_S_NOISE, eta_option="eta_ancestral",
    ),
    SamplerInfo(
        "DPM++ 3M SDE", ("k_dpmpp_3m_sde",), dpmpp_sde.dpmpp_3m_sde, default_scheduler="Exponential",
        discard_next_to_last_sigma=True, brownian_noise=True, extra_params=_S_NOISE,
        eta_option="eta_ancestral",
    ),
    SamplerInfo(
        "Euler a", ("k_euler_a", "k_euler_ancestral"), euler.euler_ancestral,
        uses_ensd=True, eta_option="eta_ancestral",
    ),
    SamplerInfo("Euler", ("k_euler",), euler.euler, extra_params=_CHURN, flow=True),
    SamplerInfo("LMS", ("k_lms",), euler.lms, flow=True),
    SamplerInfo("Heun", ("k_heun",), heun.heun, second_order=True, extra_params=_CHURN, flow=True),
    SamplerInfo(
        "DPM2", ("k_dpm_2",), heun.dpm_2, default_scheduler="Karras",
        discard_next_to_last_sigma=True, second_order=True, extra_params=_CHURN, flow=True,
    ),
    SamplerInfo(
        "DPM2 a", ("k_dpm_2_a",), heun.dpm_2_ancestral, default_scheduler="Karras",
        discard_next_to_last_sigma=True, uses_ensd=True, second_order=True, extra_params=_S_NOISE,
        eta_option="eta_ancestral",
    ),
    SamplerInfo(
        "DPM fast", ("k_dpm_fast",), dpm_solver.dpm_fast, uses_ensd=True, extra_params=_S_NOISE,
        eta_option="eta_ancestral", range_only=True,
    ),
    SamplerInfo(
        "DPM adaptive", ("k_dpm_ad",), dpm_solver.dpm_adaptive, uses_ensd=True,
        eta_option="eta_ancestral", range_only=True, adaptive=True,
    ),
    SamplerInfo("Restart", ("restart",), heun.restart, default_scheduler="Karras", second_order=True),
    SamplerInfo("DDIM", ("ddim",), solve_times=ddim.ddim, eta_option="eta_ddim"),
    SamplerInfo(
        "DDIM CFG++", ("ddim_cfgpp",), solve_times=ddim.ddim_cfg_pp, eta_option="eta_ddim",
        cfg_multiplier=CFG_PP_SCALE,
    ),
    SamplerInfo("PLMS", ("plms",), solve_times=ddim.plms),
    SamplerInfo("UniPC", ("unipc",), solve_times=unipc.unipc),
    SamplerInfo("LCM", ("k_lcm",), lcm.lcm, consistency=True),
)  # fmt: skip
"""In the order of the API's list."""

_BY_NAME = {name.casefold(): info for info in SAMPLERS for name in (info.name, *info.aliases)}


@dataclass(frozen=True, slots=True)
class ResolvedSampling:
    """What a request's names mean. ``scheduler`` is what was asked for and may be Automatic."""

    sampler: SamplerInfo
    scheduler: SchedulerInfo

    @property
    def schedule(self) -> SchedulerInfo:
        """The schedule really used: Automatic stays only where the sampler has no default of its own."""
        if self.scheduler is not AUTOMATIC:
            return self.scheduler
        return find_scheduler(self.sampler.default_scheduler)

    @property
    def schedule_type(self) -> str:
        """What infotext prints as "Schedule type"."""
        return self.schedule.label


def find_sampler(name: str) -> SamplerInfo:
    """The sampler of that name or alias, in any case. Raises UnknownSampler."""
    found = _BY_NAME.get(name.strip().casefold())
    if found is None:
        raise UnknownSampler(name, (info.name for info in SAMPLERS))
    return found


def _split_combined(name: str) -> tuple[SamplerInfo, SchedulerInfo]:
    """The old combined names: "DPM++ 2M Karras", "Euler SGMUniform"."""
    folded = name.strip().casefold()
    if folded not in _BY_NAME:
        for scheduler in SCHEDULERS:
            for suffix in scheduler.names():
                rest = folded.removesuffix(" " + suffix.casefold())
                if rest != folded and rest.strip() in _BY_NAME:
                    return find_sampler(rest), scheduler
    return find_sampler(name), AUTOMATIC


def resolve(sampler_name: str | None, scheduler_name: str | None = None) -> ResolvedSampling:
    """What a request's ``sampler_name`` and ``scheduler`` mean.

    A schedule of the request's own wins over one at the end of the sampler's name. Raises UnknownSampler and
    UnknownScheduler.
    """
    given = sampler_name if sampler_name and sampler_name.strip() else DEFAULT_SAMPLER
    sampler, from_name = _split_combined(given)
    own = scheduler_name is not None and bool(scheduler_name.strip())
    return ResolvedSampling(sampler, find_scheduler(scheduler_name) if own else from_name)


def resolve_hires(
    first: ResolvedSampling, sampler_name: str | None, scheduler_name: str | None = None
) -> ResolvedSampling:
    """The same for the second pass. None, empty and "Use same ..." mean: as in the first pass."""
    own_sampler, own_scheduler = chosen(sampler_name, SAME_SAMPLER), chosen(scheduler_name, SAME_SCHEDULER)
    sampler, scheduler = (first.sampler, AUTOMATIC) if own_sampler is None else _split_combined(own_sampler)
    if own_scheduler is not None:
        return ResolvedSampling(sampler, find_scheduler(own_scheduler))
    return ResolvedSampling(sampler, first.scheduler if scheduler is AUTOMATIC else scheduler)
