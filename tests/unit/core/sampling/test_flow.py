"""The noise levels of flow models, and who may follow them."""

from __future__ import annotations

import math

import pytest

from core.domain.errors import InvalidValue, ModelError
from core.sampling.flow import FlowShift, check_flow_levels, check_flow_sampler
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.passes import SamplingPlan, plan_sigmas
from core.sampling.registry import SAMPLERS, find_sampler, resolve
from core.sampling.schedules import find_scheduler

DYNAMIC = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}


def levels(table: ModelSigmas, steps: int, scheduler: str = "Uniform", **changes: float) -> list[float]:
    resolved = resolve("Euler", scheduler)
    return plan_sigmas(SamplingPlan(resolved.sampler, resolved.scheduler, steps, **changes), table)


def test_a_static_shift_is_that_of_every_size() -> None:
    shift = FlowShift.of({"shift": 3.0})
    assert shift.table(256, 4) == shift.table(4096, 20)
    assert levels(shift.table(256, 4), 2) == pytest.approx([1.0, 0.75, 0.0])


def test_a_dynamic_shift_grows_with_the_picture() -> None:
    shift = FlowShift.of(DYNAMIC)
    assert [shift.table(patches, 4).shift for patches in (256, 4096)] == pytest.approx(
        [math.exp(0.5), math.exp(1.15)]
    )
    linear = FlowShift.of({**DYNAMIC, "time_shift_type": "linear"})
    assert linear.table(4096, 4).shift == pytest.approx(1.15)


def test_the_shift_of_flux_2_grows_with_the_steps_too() -> None:
    shift = FlowShift.of(DYNAMIC, by_steps=True)
    few, many = 8.73809524e-05 * 4096 + 1.89833333, 0.00016927 * 4096 + 0.45666666
    assert math.log(shift.table(4096, 10).shift) == pytest.approx(few)
    assert math.log(shift.table(4096, 200).shift) == pytest.approx(many)
    assert math.log(shift.table(5000, 10).shift) == pytest.approx(0.00016927 * 5000 + 0.45666666)


def test_the_last_level_may_be_given() -> None:
    table = FlowShift.of({"shift": 1.0, "shift_terminal": 0.02}).table(256, 4)
    assert levels(table, 4) == pytest.approx([1.0, 0.673333, 0.346667, 0.02, 0.0], abs=1e-5)
    assert levels(table, 1) == [1.0, 0.0]


def test_the_reference_spaces_sd3_in_its_own_way() -> None:
    table = FlowShift.of({"shift": 3.0}, trailing=False).table(256, 4)
    assert levels(table, 3)[1:3] != pytest.approx(levels(FlowShift().table(256, 4), 3)[1:3])
    assert table.zero_terminal_snr() is table


def test_another_kind_of_scheduler_is_no_flow_model() -> None:
    with pytest.raises(ModelError, match="DDIMScheduler; a flow model has a FlowMatch"):
        FlowShift.of({"_class_name": "DDIMScheduler"})


@pytest.mark.parametrize("name", [one.name for one in SAMPLERS if not one.flow])
def test_a_sampler_that_adds_noise_cannot_follow(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"takes one of DPM\+\+ 2M, Euler, LMS, Heun, DPM2"):
        check_flow_sampler(find_sampler(name))


def test_levels_above_1_and_churn_are_refused() -> None:
    table = ModelSigmas.flow()
    with pytest.raises(InvalidValue, match=r"its first noise level is 14\.615"):
        levels(table, 4, "Align Your Steps")
    with pytest.raises(InvalidValue, match="s_churn is 1"):
        levels(table, 4, s_churn=1.0)
    check_flow_levels(find_scheduler("Karras"), levels(table, 4, "Karras"), 0.0)
