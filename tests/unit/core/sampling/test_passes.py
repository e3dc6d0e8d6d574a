"""Passes: where they start, how many steps they take, and what they refuse before anything is drawn."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.errors import InvalidValue
from core.sampling.passes import (
    LatentStart,
    SamplingPlan,
    brownian_span,
    executed_steps,
    model_times,
    plan_sigmas,
    sample_from_latent,
    sample_from_noise,
)
from core.sampling.registry import SAMPLERS, resolve
from core.sampling.schedules import SCHEDULERS, ModelSigmas, ScheduleOverrides
from tests.unit.core.sampling.toys import TABLE, CountingNoise, ScalarDenoiser, ScalarOps


def plan_of(name: str, steps: int, **more: Any) -> SamplingPlan:
    found = resolve(name)
    return SamplingPlan(found.sampler, found.scheduler, steps, **more)


class Pass:
    """One pass, and what it asked the model first."""

    def __init__(
        self, plan: SamplingPlan, start: LatentStart | None = None, latent: float = 0.5, noise: float = 0.7,
        extra_noise: float = 0.0, table: ModelSigmas = TABLE,
    ) -> None:  # fmt: skip
        self.model, self.noise, self.steps = _FirstInput(), CountingNoise(), []
        tools = (self.noise, self.steps.append, ScalarOps())
        if start is None:
            self.x = sample_from_noise(plan, table, self.model, noise, *tools)
        else:
            self.x = sample_from_latent(
                plan, table, self.model, latent, noise, *tools, start=start, extra_noise=extra_noise
            )


class _FirstInput(ScalarDenoiser):
    def __init__(self) -> None:
        super().__init__()
        self.first: float | None = None

    def sigma(self, x: float, sigma: float) -> Any:
        self.first = x if self.first is None else self.first
        return super().sigma(x, sigma)

    def timestep(self, x: float, t: float) -> Any:
        self.first = x if self.first is None else self.first
        return super().timestep(x, t)


def test_txt2img_starts_from_scaled_noise() -> None:
    ran = Pass(plan_of("Euler", 20))
    assert ran.model.first == pytest.approx(0.7 * TABLE.sigma_max)
    assert ran.steps == list(range(20))
    scaled = Pass(plan_of("Euler", 20, sgm_noise_multiplier=True))
    assert scaled.model.first == pytest.approx(0.7 * math.sqrt(1 + TABLE.sigma_max**2))


def test_timestep_samplers_start_unscaled() -> None:
    ran = Pass(plan_of("DDIM", 20))
    assert (ran.model.first, ran.model.asked[0], len(ran.steps)) == (0.7, 951.0, 19)


@pytest.mark.parametrize("name", ["DPM fast", "DPM adaptive"])
def test_range_samplers_span_the_model_whatever_the_schedule(name: str) -> None:
    plan = plan_of(f"{name} ddim", 10)
    ran = Pass(plan)
    assert ran.model.asked[0] == pytest.approx(TABLE.sigma_max, rel=1e-6)
    assert ran.model.first == pytest.approx(0.7 * plan_sigmas(plan, TABLE)[0])


def test_range_samplers_from_a_latent_span_the_slice() -> None:
    plan, start = plan_of("DPM fast Karras", 20), LatentStart.of(20, 0.5)
    levels = plan_sigmas(plan, TABLE, start)[9:]
    ran = Pass(plan, start)
    assert ran.model.asked[0] == pytest.approx(levels[0], rel=1e-6)
    assert min(ran.model.asked) > levels[-2] * (1 - 1e-6)


@pytest.mark.parametrize(
    ("strength", "fixed", "total", "executed"),
    [
        (0.75, False, 20, 16),
        (0.5, False, 20, 11),
        (1.0, False, 20, 20),
        (0.0, False, 20, 1),
        (0.75, True, 26, 20),
        (1.0, True, 20, 20),
        (0.0, True, 0, 0),
        (-1.0, True, 0, 0),
        (7.0, False, 20, 20),
    ],
)
def test_steps_from_a_latent(strength: float, fixed: bool, total: int, executed: int) -> None:
    start, plan = LatentStart.of(20, strength, fixed), plan_of("Euler", 20)
    assert start.total == total
    assert executed_steps(plan, TABLE, start) == executed
    assert len(Pass(plan, start).steps) == executed


def test_a_latent_is_noised_to_its_level() -> None:
    plan, start = plan_of("Euler", 20), LatentStart.of(20, 0.75)
    level = plan_sigmas(plan, TABLE, start)[20 - 15 - 1]
    assert Pass(plan, start).model.first == pytest.approx(0.5 + 0.7 * level)
    assert Pass(plan, start, extra_noise=0.1).model.first == pytest.approx(0.5 + 0.7 * (level + 0.1))


def test_a_latent_is_noised_to_its_time() -> None:
    plan, start = plan_of("DDIM", 20), LatentStart.of(20, 0.75)
    ran, alpha = Pass(plan, start, extra_noise=0.1), TABLE.alphas_cumprod[model_times(20)[15]]
    expected = math.sqrt(alpha) * 0.5 + math.sqrt(1 - alpha) * 0.7 + 0.1 * 0.7 * math.sqrt(alpha)
    assert ran.model.first == pytest.approx(expected)
    assert (ran.model.asked[0], len(ran.steps)) == (701.0, 14)
    assert Pass(plan, LatentStart.of(20, 0.0)).steps == []


def test_unipc_from_a_latent_starts_at_its_time() -> None:
    ran = Pass(plan_of("UniPC", 20), LatentStart.of(20, 0.75))
    assert ran.model.asked[0] == pytest.approx(701.0, abs=1e-3)
    assert len(ran.steps) == 15


@pytest.mark.parametrize("strength", [1e-300, 1e-9, 1e-4])
def test_a_strength_that_asks_for_an_endless_schedule(strength: float) -> None:
    with pytest.raises(InvalidValue, match="denoising_strength"):
        LatentStart.of(20, strength, True)
    assert LatentStart.of(20, strength).t_enc == 0


def test_strength_0_with_fixed_steps_changes_nothing() -> None:
    assert Pass(plan_of("DPM++ 2M", 9), LatentStart.of(9, 0.0, True), latent=0.25).x == 0.25


def test_flow_models_mix_data_and_noise() -> None:
    flow, plan = ModelSigmas.flow(), plan_of("Euler", 10)
    assert Pass(plan, table=flow).model.first == pytest.approx(0.7)
    start = LatentStart.of(10, 0.5)
    level = plan_sigmas(plan, flow, start)[4]
    assert Pass(plan, start, table=flow).model.first == pytest.approx(0.5 * (1 - level) + 0.7 * level)
    with pytest.raises(InvalidValue, match="flow"):
        Pass(plan_of("DDIM", 10), table=flow)


def test_lcm_spans_its_own_table() -> None:
    assert plan_sigmas(plan_of("LCM", 4), TABLE)[-2] == pytest.approx(TABLE.sigmas[19])


def test_discarding_belongs_to_the_sampler_or_to_an_option() -> None:
    always = ScheduleOverrides(discard_penultimate=True)
    assert plan_sigmas(plan_of("DPM2", 5), TABLE) == plan_sigmas(plan_of("DPM2", 5, overrides=always), TABLE)
    assert plan_sigmas(plan_of("DPM2", 5), TABLE) != plan_sigmas(plan_of("Heun Karras", 5), TABLE)


def test_the_brownian_span_is_that_of_the_full_schedule() -> None:
    plan, start = plan_of("DPM++ SDE", 20), LatentStart.of(20, 0.3)
    full = plan_sigmas(plan, TABLE, start)
    assert brownian_span(plan, TABLE, start) == (full[-2], full[0])


def test_prompt_steps() -> None:
    assert plan_of("Heun", 20).prompt_steps == 40
    assert plan_of("Euler", 20).prompt_steps == 20


def test_eta_is_the_samplers_own_unless_given() -> None:
    assert plan_of("Euler a", 5).params().eta == 1.0
    assert plan_of("DDIM", 5).params().eta == 0.0
    assert plan_of("DDIM", 5, eta=0.4).params().eta == 0.4


@pytest.mark.parametrize("steps", [30, 1, 1000])
def test_model_times(steps: int) -> None:
    times = model_times(steps)
    assert times[0] == 1
    assert times[-1] <= 999
    assert len(times) == {30: 31, 1: 1, 1000: 1000}[steps]


@pytest.mark.parametrize("name", ["DDIM", "PLMS", "UniPC"])
def test_timestep_samplers_have_a_thousand_times(name: str) -> None:
    with pytest.raises(InvalidValue, match="1 to 1000"):
        executed_steps(plan_of(name, 1001), TABLE)
    with pytest.raises(InvalidValue, match="1 to 1000"):
        executed_steps(plan_of(name, 600), TABLE, LatentStart.of(600, 0.5, True))


def test_plans_without_steps() -> None:
    with pytest.raises(InvalidValue, match="steps is 0; at least 1"):
        plan_of("Euler", 0)


@given(
    st.sampled_from(SAMPLERS), st.sampled_from(SCHEDULERS), st.integers(1, 60),
    st.one_of(st.none(), st.tuples(st.just(0.0) | st.floats(0.05, 1.0), st.booleans())),
)  # fmt: skip
@settings(deadline=None)
def test_a_pass_takes_the_steps_it_announced(sampler: Any, scheduler: Any, steps: int, latent: Any) -> None:
    plan = SamplingPlan(sampler, scheduler, steps)
    start = None if latent is None else LatentStart.of(steps, *latent)
    try:
        announced = executed_steps(plan, TABLE, start)
    except InvalidValue:
        with pytest.raises(InvalidValue, match="; "):
            Pass(plan, start)
        return
    ran = Pass(plan, start)
    assert math.isfinite(ran.x)
    assert ran.steps == list(range(len(ran.steps)))
    assert announced is None or len(ran.steps) == announced
