"""What Automatic means for models that were taught to draw in few steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.errors import InvalidValue
from core.sampling.lcm_sigmas import LcmSigmas
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.passes import SamplingPlan, plan_sigmas
from core.sampling.registry import resolve
from core.sampling.spacing import Spacing

TABLE = ModelSigmas.scaled_linear()
TURBO = replace(TABLE, spacing=Spacing.TRAILING)
TAUGHT = replace(TABLE, spacing=Spacing.CONSISTENCY)


def times(sampler: str, scheduler: str | None, steps: int, table: ModelSigmas) -> list[int]:
    """The model times of a plan."""
    resolved = resolve(sampler, scheduler)
    levels = plan_sigmas(SamplingPlan(resolved.sampler, resolved.scheduler, steps), table)
    assert levels[-1] == 0.0
    own = LcmSigmas.of(table) if resolved.sampler.consistency else table
    return [round(own.sigma_to_t(level)) for level in levels[:-1]]


def test_turbo_models_go_through_the_last_of_each_part() -> None:
    assert times("Euler a", None, 1, TURBO) == [999]
    assert times("Euler a", None, 4, TURBO) == [999, 749, 499, 249]
    assert times("Euler", None, 3, TURBO) == [999, 666, 332]


def test_consistency_models_go_through_their_own_times() -> None:
    assert times("LCM", None, 4, TAUGHT) == [999, 759, 499, 259]
    assert times("LCM", None, 50, TAUGHT) == list(range(999, 0, -20))
    with pytest.raises(InvalidValue, match="ask for fewer"):
        times("LCM", None, 51, TAUGHT)


@pytest.mark.parametrize("table", [TURBO, TAUGHT])
def test_what_a_request_or_a_sampler_names_stays_the_references(table: ModelSigmas) -> None:
    for sampler, scheduler in (("Euler", "Uniform"), ("DPM++ 2M", None), ("Euler", "SGM Uniform")):
        assert times(sampler, scheduler, 4, table) == times(sampler, scheduler, 4, TABLE)
    assert times("LCM", "Uniform", 4, table) == times("LCM", None, 4, TABLE)


def test_it_outlives_zero_terminal_snr() -> None:
    assert TURBO.zero_terminal_snr().spacing is Spacing.TRAILING
    assert TURBO.quantized().spacing is Spacing.TRAILING
