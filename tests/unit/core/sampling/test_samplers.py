"""Samplers on plain floats: the specification's check values, and what a schedule cannot show."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.domain.errors import BackendError, Interrupted, InvalidValue
from core.sampling.euler import lms_coefficients
from core.sampling.heun import restart_steps
from core.sampling.params import SamplerParams, UniPCOptions
from core.sampling.passes import model_times
from core.sampling.registry import SAMPLERS, SamplerInfo, find_sampler
from core.sampling.schedules import find_scheduler, schedule_sigmas
from core.sampling.types import Prediction
from tests.unit.core.sampling.toys import TABLE, CountingNoise, ScalarDenoiser, ScalarOps

SIGMA_SAMPLERS = [info for info in SAMPLERS if info.solve is not None]


def karras(steps: int) -> list[float]:
    return schedule_sigmas(find_scheduler("karras"), steps, TABLE)


class Ran:
    """One run of a sampler from its start value, and what it asked for."""

    def __init__(
        self, info: SamplerInfo, steps: int, x: float | None = None, sigmas: list[float] | None = None,
        model: ScalarDenoiser | None = None, **params: object,
    ) -> None:  # fmt: skip
        self.model, self.noise, self.steps = model or ScalarDenoiser(), CountingNoise(), []
        numbers = SamplerParams(**{"eta": info.default_eta, "evaluations": steps, **params})  # type: ignore[arg-type]
        if info.solve_times is not None:
            times = model_times(steps)
            start = 1.0 if x is None else x
            self.x = info.solve_times(
                self.model.timestep, start, times, self.noise, self.steps.append, TABLE, numbers
            )
            return
        assert info.solve is not None
        levels = sigmas or ([TABLE.sigma_max, TABLE.sigma_min] if info.range_only else karras(steps))
        start = levels[0] if x is None else x
        self.x = info.solve(
            self.model.sigma, start, levels, self.noise, self.steps.append, ScalarOps(), numbers
        )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Euler", 0.682162),
        ("Heun", 1.317538),
        ("DPM2", 1.180786),
        ("LMS", 0.755006),
        ("DPM++ 2M", 1.060860),
        ("Euler a", 0.260939),
        ("DPM2 a", 1.039859),
        ("DPM++ 2S a", 0.376341),
        ("DPM++ SDE", 0.714218),
        ("DPM++ 2M SDE", 0.399013),
        ("DPM++ 2M SDE Heun", 0.499011),
        ("DPM++ 3M SDE", 0.669610),
    ],
)
def test_five_karras_steps(name: str, expected: float) -> None:
    assert Ran(find_sampler(name), 5).x == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize(
    ("steps", "expected", "calls", "noises"),
    [(10, 1.053594, 19, 0), (25, 0.513169, 49, 1), (40, 0.428450, 79, 2)],
)
def test_restart(steps: int, expected: float, calls: int, noises: int) -> None:
    ran = Ran(find_sampler("Restart"), steps)
    assert ran.x == pytest.approx(expected, abs=2e-6)
    assert (len(ran.model.asked), ran.noise.used, ran.steps) == (calls, noises, list(range(steps)))


@pytest.mark.parametrize("steps", range(1, 60))
def test_restart_takes_the_steps_it_was_asked_for(steps: int) -> None:
    assert len(restart_steps(karras(steps))) == steps


@pytest.mark.parametrize(
    ("name", "eta", "steps", "expected", "calls"),
    [
        ("DDIM", 0.0, 5, 0.427149, 4),
        ("DDIM", 0.0, 10, 0.486713, 9),
        ("DDIM", 1.0, 5, 0.036145, 4),
        ("DDIM", 1.0, 10, 0.754989, 9),
        ("DDIM CFG++", 0.0, 5, 0.264299, 4),
        ("DDIM CFG++", 0.0, 10, 0.091728, 9),
        ("PLMS", 0.0, 5, 0.580021, 5),
        ("PLMS", 0.0, 10, 0.571651, 10),
        ("UniPC", 0.0, 5, 0.506008, 5),
        ("UniPC", 0.0, 10, 0.542543, 10),
    ],
)
def test_timestep_samplers(name: str, eta: float, steps: int, expected: float, calls: int) -> None:
    ran = Ran(find_sampler(name), steps, eta=eta)
    assert ran.x == pytest.approx(expected, abs=2e-6)
    assert len(ran.model.asked) == calls


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("DDIM", [801, 601, 401, 201]),
        ("DDIM CFG++", [801, 601, 401, 201]),
        ("PLMS", [801, 601, 601, 401, 201]),
        ("UniPC", [999, 799.2, 599.4, 399.6, 199.8]),
    ],
)
def test_the_times_asked(name: str, times: list[float]) -> None:
    assert Ran(find_sampler(name), 5).model.asked == pytest.approx(times, abs=1e-3)


def test_ddim_draws_at_eta_0_too() -> None:
    assert Ran(find_sampler("DDIM"), 5, eta=0.0).noise.used == 4


@pytest.mark.parametrize("info", SAMPLERS, ids=lambda info: info.name)
@pytest.mark.parametrize("steps", [3, 4, 17, 30, 50])
def test_steps_are_counted_from_0(info: SamplerInfo, steps: int) -> None:
    ran = Ran(info, steps)
    assert ran.steps == list(range(len(ran.steps)))
    assert math.isfinite(ran.x)


@pytest.mark.parametrize("info", SIGMA_SAMPLERS, ids=lambda info: info.name)
@pytest.mark.parametrize("steps", [1, 2])
def test_one_and_two_steps(info: SamplerInfo, steps: int) -> None:
    assert math.isfinite(Ran(info, steps).x)


@pytest.mark.parametrize("info", SAMPLERS, ids=lambda info: info.name)
def test_a_picture_does_not_depend_on_its_place_in_the_batch(info: SamplerInfo) -> None:
    """DPM adaptive too, with one picture in the batch: its step width is the only thing shared."""
    one, other = Ran(info, 12, x=1.3).x, Ran(info, 12, x=-0.2).x
    both = Ran(info, 12, x=np.array([1.3, -0.2])) if info.name != "DPM adaptive" else None  # type: ignore[arg-type]
    if both is not None:
        assert both.x == pytest.approx([one, other], rel=1e-12)


@pytest.mark.parametrize("name", ["Euler", "Heun", "DPM2"])
def test_churn(name: str) -> None:
    info = find_sampler(name)
    plain = Ran(info, 5)
    churned = Ran(info, 5, s_churn=1.0, s_tmin=0.1, s_tmax=5.0, s_noise=1.01)
    assert plain.noise.used == 0
    assert churned.noise.used == 5, "drawn outside s_tmin..s_tmax too"
    assert churned.x != pytest.approx(plain.x, rel=1e-3)
    gamma = min(1.0 / 5, math.sqrt(2) - 1)
    assert churned.model.asked[0] == karras(5)[0]
    assert any(s == pytest.approx(karras(5)[1] * (1 + gamma)) for s in churned.model.asked)


@pytest.mark.parametrize(
    "name", ["Euler a", "DPM2 a", "DPM++ 2S a", "DPM++ 2M SDE", "DPM++ 3M SDE", "DPM++ SDE"]
)
def test_eta_0_adds_no_noise(name: str) -> None:
    info = find_sampler(name)

    class Silence(CountingNoise):
        def draw(self) -> float:
            return 0.0

    loud, levels = Ran(info, 6, eta=0.0), karras(6)
    quiet_model = ScalarDenoiser()
    assert info.solve is not None
    quiet = info.solve(
        quiet_model.sigma, levels[0], levels, Silence(), lambda i: None, ScalarOps(), SamplerParams(eta=0.0)
    )
    assert loud.x == pytest.approx(quiet, rel=1e-12)


def test_s_noise_scales_what_is_added() -> None:
    info = find_sampler("DPM++ 2S a")
    assert Ran(info, 5, s_noise=0.5).x != Ran(info, 5).x
    assert Ran(find_sampler("Euler a"), 5, s_noise=0.5).x == Ran(find_sampler("Euler a"), 5).x
    adaptive = find_sampler("DPM adaptive")
    assert Ran(adaptive, 5, s_noise=0.5).x == Ran(adaptive, 5).x


@pytest.mark.parametrize("name", ["DPM++ SDE", "DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE"])
def test_brownian_noise_is_asked_for_inside_the_schedule(name: str) -> None:
    levels, asked = karras(8), Ran(find_sampler(name), 8).noise.asked
    assert asked
    assert all(levels[0] >= a > b >= levels[-2] for a, b in asked)
    assert all(a in levels for a, _ in asked)


def test_lms_integrates_polynomials_exactly() -> None:
    levels = [10.0, 6.0, 3.0, 1.5, 0.7]
    weights = lms_coefficients(levels, 3, 4)
    for power in range(4):
        slopes = [levels[3 - k] ** power for k in range(4)]
        exact = (levels[4] ** (power + 1) - levels[3] ** (power + 1)) / (power + 1)
        assert sum(w * s for w, s in zip(weights, slopes, strict=True)) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("evaluations", range(1, 30))
def test_dpm_fast_spends_what_it_may(evaluations: int) -> None:
    ran = Ran(find_sampler("DPM fast"), evaluations, eta=0.0)
    assert len(ran.model.asked) == evaluations


def test_dpm_adaptive_ignores_the_number_of_steps() -> None:
    info = find_sampler("DPM adaptive")
    assert Ran(info, 3).x == Ran(info, 90).x


def test_dpm_adaptive_stops_at_numbers_that_are_not_finite() -> None:
    info = find_sampler("DPM adaptive")
    assert info.solve is not None
    with pytest.raises(BackendError, match="not finite"):
        info.solve(
            lambda x, sigma: Prediction(math.nan, math.nan), 1.0, [14.6, 0.03], CountingNoise(),
            lambda i: None, ScalarOps(), SamplerParams(),
        )  # fmt: skip


@pytest.mark.parametrize("name", ["DPM fast", "DPM adaptive"])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_range_of_one_level_changes_nothing(name: str, eta: float) -> None:
    assert Ran(find_sampler(name), 1, x=2.0, sigmas=[3.0, 3.0], eta=eta).x == pytest.approx(2.0)


@pytest.mark.parametrize("variant", ["bh1", "bh2", "vary_coeff"])
@pytest.mark.parametrize("skip_type", ["time_uniform", "time_quadratic", "logSNR"])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("lower_order_final", [True, False])
def test_unipc_variants_agree_with_many_steps(
    variant: str, skip_type: str, order: int, lower_order_final: bool
) -> None:
    """Different spacings, orders and formulas of one and the same equation."""
    options = UniPCOptions(variant, skip_type, order, lower_order_final)
    assert Ran(find_sampler("UniPC"), 250, unipc=options).x == pytest.approx(0.5725, abs=0.02)


def test_unipc_needs_as_many_steps_as_its_order() -> None:
    with pytest.raises(InvalidValue, match="order 3 needs at least 3"):
        Ran(find_sampler("UniPC"), 2)


@pytest.mark.parametrize("options", [{"variant": "bh3"}, {"skip_type": "often"}, {"order": 0}])
def test_unipc_options_that_do_not_exist(options: dict[str, object]) -> None:
    with pytest.raises(InvalidValue, match="uni_pc_"):
        UniPCOptions(**options)  # type: ignore[arg-type]


class Interrupting(ScalarDenoiser):
    """Is told to stop at its fourth evaluation."""

    def sigma(self, x: float, sigma: float) -> Prediction:
        if len(self.asked) == 3:
            raise Interrupted
        self.asked.append(sigma)
        return Prediction(x * 0.5, x * 0.5)

    timestep = sigma


@pytest.mark.parametrize("info", SAMPLERS, ids=lambda info: info.name)
def test_an_interruption_goes_through(info: SamplerInfo) -> None:
    with pytest.raises(Interrupted):
        Ran(info, 5, model=Interrupting())
