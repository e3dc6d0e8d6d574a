"""Schedules: the specification's check values, the overrides, and what must hold for any number of steps."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.errors import InvalidValue, UnknownScheduler
from core.sampling.beta_distribution import beta_cdf, beta_ppf
from core.sampling.schedules import (
    AUTOMATIC,
    SCHEDULERS,
    LcmSigmas,
    ModelSigmas,
    ScheduleOverrides,
    brownian_range,
    find_scheduler,
    schedule_sigmas,
)
from tests.unit.core.sampling.toys import TABLE

FIVE = {
    "uniform": "14.6146 4.0861 1.6156 0.6951 0.0292 0",
    "normal": "14.6146 4.0861 1.6156 0.6951 0.0292 0",
    "karras": "14.6146 4.7965 1.2741 0.2480 0.0292 0",
    "exponential": "14.6146 3.0890 0.6529 0.1380 0.0292 0",
    "polyexponential": "14.6146 3.0890 0.6529 0.1380 0.0292 0",
    "sgm_uniform": "14.6146 5.0924 2.2797 1.1629 0.5712 0",
    "kl_optimal": "14.6146 2.6329 1.2948 0.7116 0.3356 0.0292",
    "align_your_steps": "14.6150 3.2269 1.3960 0.5100 0.0290 0",
    "simple": "14.6146 5.0878 2.2765 1.1606 0.5693 0",
    "ddim": "5.1344 2.2929 1.1682 0.5741 0.0413 0",
    "beta": "14.6146 12.0523 7.3219 2.5915 0.0292 0",
}
TEN = {
    "uniform": "14.6146 7.8399 4.6092 2.9183 1.9502 1.3449 0.9324 0.6250 0.3687 0.0292 0",
    "karras": "14.6146 9.1029 5.4784 3.1686 1.7494 0.9141 0.4469 0.2014 0.0819 0.0292 0",
    "exponential": "14.6146 7.3249 3.6712 1.8400 0.9222 0.4622 0.2317 0.1161 0.0582 0.0292 0",
    "sgm_uniform": "14.6146 8.3072 5.0924 3.3251 2.2797 1.6156 1.1629 0.8319 0.5712 0.3437 0",
    "kl_optimal": "14.6146 4.5650 2.6329 1.7864 1.2948 0.9616 0.7116 0.5094 0.3356 0.1783 0.0292",
    "align_your_steps": "14.6150 6.1135 3.5651 2.3939 1.6500 1.1358 0.7425 0.4450 0.1692 0.0290 0",
    "simple": "14.6146 8.3028 5.0878 3.3211 2.2765 1.6129 1.1606 0.8299 0.5693 0.3417 0",
    "ddim": "8.3907 5.1344 3.3478 2.2929 1.6237 1.1682 0.8357 0.5741 0.3462 0.0413 0",
    "beta": "14.6146 13.9278 12.4910 10.5976 8.4424 6.2014 4.0462 2.1528 0.7160 0.0292 0",
}
AYS_SDXL_TEN = "14.6150 5.9634 3.3390 1.8550 1.1023 0.6750 0.4311 0.2606 0.1225 0.0290 0"


def sigmas_of(name: str, steps: int, overrides: ScheduleOverrides | None = None, **more: bool) -> list[float]:
    return schedule_sigmas(find_scheduler(name), steps, TABLE, overrides, **more)


def shown(sigmas: list[float]) -> str:
    return " ".join(f"{s:.4f}" if s else "0" for s in sigmas)


@pytest.mark.parametrize("name", FIVE)
def test_five_steps(name: str) -> None:
    assert shown(sigmas_of(name, 5)) == FIVE[name]


@pytest.mark.parametrize("name", TEN)
def test_ten_steps(name: str) -> None:
    assert shown(sigmas_of(name, 10)) == TEN[name]


def test_align_your_steps_has_a_table_for_sdxl() -> None:
    assert shown(sigmas_of("align_your_steps", 10, is_sdxl=True)) == AYS_SDXL_TEN
    assert sigmas_of("align_your_steps", 11)[3] == pytest.approx(2.697)


def test_the_ddim_schedule_has_more_levels_when_steps_do_not_divide() -> None:
    assert len(sigmas_of("ddim", 20)) == 21
    assert len(sigmas_of("ddim", 30)) == 32


def test_the_list_is_the_references() -> None:
    recorded = Path(__file__).parents[4] / "contracts" / "api" / "recorded" / "schedulers.json"
    rows = [
        {
            "name": info.name,
            "label": info.label,
            "aliases": list(info.aliases) or None,
            "default_rho": info.default_rho,
            "need_inner_model": info.need_inner_model,
        }
        for info in SCHEDULERS
    ]
    assert rows == json.loads(recorded.read_text())


@pytest.mark.parametrize("name", ["SGM Uniform", "sgm_uniform", "SGMUniform", " sgm uniform ", "SGMUNIFORM"])
def test_a_schedule_has_many_names(name: str) -> None:
    assert find_scheduler(name).name == "sgm_uniform"


@pytest.mark.parametrize("name", [None, "", "  "])
def test_no_name_is_automatic(name: str | None) -> None:
    assert find_scheduler(name) is AUTOMATIC


def test_an_unknown_schedule() -> None:
    with pytest.raises(UnknownScheduler):
        find_scheduler("Foo")


def test_overrides_of_range_and_rho() -> None:
    overrides = ScheduleOverrides(sigma_min=0.1, sigma_max=10.0, rho=3.0)
    karras = sigmas_of("karras", 4, overrides)
    assert karras[0] == pytest.approx(10.0)
    assert karras[3] == pytest.approx(0.1, rel=1e-6)
    assert karras != sigmas_of("karras", 4, ScheduleOverrides(sigma_min=0.1, sigma_max=10.0))
    # rho only where the schedule has one
    assert sigmas_of("exponential", 4, ScheduleOverrides(rho=3.0)) == sigmas_of("exponential", 4)
    assert sigmas_of("uniform", 4, overrides) == sigmas_of("uniform", 4)


def test_the_old_karras_range_holds_for_every_schedule() -> None:
    sigmas = sigmas_of("exponential", 4, ScheduleOverrides(old_karras_range=True))
    assert (sigmas[0], sigmas[3]) == (pytest.approx(10.0), pytest.approx(0.1))


def test_discarding_the_penultimate_level() -> None:
    longer = sigmas_of("karras", 6)
    assert sigmas_of("karras", 5, ScheduleOverrides(discard_penultimate=True)) == [*longer[:-2], 0.0]


@pytest.mark.parametrize(
    "overrides",
    [
        ScheduleOverrides(sigma_min=20.0),
        ScheduleOverrides(sigma_max=0.01),
        ScheduleOverrides(sigma_min=-1.0),
        ScheduleOverrides(rho=-1.0),
        ScheduleOverrides(rho=float("nan")),
        ScheduleOverrides(beta_alpha=0.0),
        ScheduleOverrides(sigma_max=float("inf")),
    ],
)
def test_overrides_that_make_no_schedule(overrides: ScheduleOverrides) -> None:
    with pytest.raises(InvalidValue, match="; "):
        sigmas_of("karras", 5, overrides)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SCHEDULERS), st.integers(-3, 1500), st.booleans())
def test_a_schedule_falls_to_zero_or_says_why_not(scheduler, steps, discard) -> None:  # type: ignore[no-untyped-def]
    overrides = ScheduleOverrides(discard_penultimate=discard)
    try:
        sigmas = schedule_sigmas(scheduler, steps, TABLE, overrides)
    except InvalidValue:
        assert steps < 1 or steps >= len(TABLE.sigmas)
        return
    assert all(a > b for a, b in pairwise(sigmas))
    assert (sigmas[-1] == 0.0) != (scheduler.name == "kl_optimal")
    if scheduler.name != "ddim":
        assert len(sigmas) == steps + 1
    low, high = brownian_range(sigmas)
    assert 0.0 < low <= high == sigmas[0]


@given(st.floats(0.0, 999.0))
def test_time_and_sigma_are_inverse(t: float) -> None:
    assert TABLE.sigma_to_t(TABLE.t_to_sigma(t)) == pytest.approx(t, abs=2e-3)


def test_times_outside_the_table_are_its_ends() -> None:
    assert TABLE.sigma_to_t(1e-6) == 0.0
    assert TABLE.sigma_to_t(1e6) == 999.0
    assert TABLE.t_to_sigma(-5.0) == pytest.approx(TABLE.sigma_min)
    assert TABLE.t_to_sigma(2000.0) == pytest.approx(TABLE.sigma_max)


def test_quantized_times_are_whole() -> None:
    table = TABLE.quantized()
    assert table.sigma_to_t(10.0) == 934.0
    assert table.quantized(False).sigma_to_t(10.0) == pytest.approx(933.50677, abs=1e-4)


def test_zero_terminal_snr() -> None:
    table = TABLE.zero_terminal_snr()
    assert table.alphas_cumprod[-1] == pytest.approx(4.8973451890853435e-08, rel=1e-6)
    assert table.alphas_cumprod[0] == pytest.approx(TABLE.alphas_cumprod[0], rel=1e-6)
    assert table.sigma_max > 4000
    assert all(a < b for a, b in pairwise(table.sigmas))


def test_the_consistency_table_has_fifty_levels() -> None:
    table = LcmSigmas.of(TABLE)
    assert len(table.sigmas) == 50
    assert (table.sigma_min, table.sigma_max) == (TABLE.sigmas[19], TABLE.sigmas[999])
    assert (table.sigma_to_t(table.sigma_min), table.sigma_to_t(14.0)) == (19.0, 999.0)
    assert table.t_to_sigma(39.0) == pytest.approx(TABLE.sigmas[39])
    assert table.uniform(2) == [pytest.approx(TABLE.sigmas[999]), pytest.approx(TABLE.sigmas[19]), 0.0]


def test_the_flow_table() -> None:
    table = ModelSigmas.flow()
    assert table.sigma_max == 1.0
    assert table.sigmas[499] == pytest.approx(1.5 / 2.0)
    assert schedule_sigmas(find_scheduler("simple"), 2, table) == [1.0, 0.75, 0.0]


@pytest.mark.parametrize("alphas", [[], [0.9], [0.9, 0.0], [1.0, 0.5]])
def test_tables_that_are_none(alphas: list[float]) -> None:
    with pytest.raises(InvalidValue):
        ModelSigmas.from_alphas_cumprod(alphas)


# closed forms: symmetry, the arcsine law, the uniform law, powers
@pytest.mark.parametrize(
    ("q", "a", "b", "expected"),
    [
        (0.5, 0.6, 0.6, 0.5),
        (0.25, 0.5, 0.5, 0.14644660940672627),
        (0.3, 1.0, 1.0, 0.3),
        (0.36, 2.0, 1.0, 0.6),
        (0.36, 1.0, 2.0, 0.2),
    ],
)
def test_beta_quantiles(q: float, a: float, b: float, expected: float) -> None:
    assert beta_ppf(q, a, b) == pytest.approx(expected, abs=1e-12)


# with a or b below a half the density at the end is so high that x itself has too few digits
@settings(deadline=None)
@given(st.floats(1e-4, 1 - 1e-4), st.floats(0.5, 8.0), st.floats(0.5, 8.0))
def test_a_beta_quantile_is_the_inverse_of_its_probability(q: float, a: float, b: float) -> None:
    assert beta_cdf(beta_ppf(q, a, b), a, b) == pytest.approx(q, abs=1e-9)
