"""Every schedule, at every recorded number of steps, against the reference's."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.golden.cases import FLOAT32_SCHEDULE, Golden, assert_close, parametrize_keys
from core.sampling.schedules import ModelSigmas, find_scheduler, schedule_sigmas

TABLE = ModelSigmas.scaled_linear()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize_keys(metafunc, "schedule_key", "samplers.npz", "schedule/")


def test_the_files_are_there(golden: Golden) -> None:
    assert golden.arrays("samplers.npz")


def test_schedule(golden: Golden, schedule_key: str) -> None:
    _, label, *sdxl, steps = schedule_key.split("/")
    sigmas = schedule_sigmas(find_scheduler(label), int(steps), TABLE, is_sdxl=sdxl == ["xl"])
    expected = golden.arrays("samplers.npz")[schedule_key]
    assert len(sigmas) == len(expected)
    assert [s == 0.0 for s in sigmas] == [e == 0.0 for e in expected]
    assert sigmas == pytest.approx(list(expected), rel=FLOAT32_SCHEDULE, abs=0.0)


def test_the_range_of_the_model(golden: Golden) -> None:
    recorded = golden.json("samplers.json")
    assert pytest.approx(recorded["sigma_min"], rel=FLOAT32_SCHEDULE) == TABLE.sigma_min
    assert pytest.approx(recorded["sigma_max"], rel=FLOAT32_SCHEDULE) == TABLE.sigma_max


def test_the_whole_table(oracle_sigmas: Any) -> None:
    assert_close(TABLE.sigmas, oracle_sigmas["sigmas_all"], FLOAT32_SCHEDULE)


def test_every_schedule_of_the_oracle(oracle_sigmas: Any) -> None:
    for label, by_steps in oracle_sigmas["schedules"].items():
        for steps, expected in by_steps.items():
            sigmas = schedule_sigmas(find_scheduler(label), int(steps), TABLE)
            assert sigmas == pytest.approx(expected, rel=FLOAT32_SCHEDULE, abs=0.0), (label, steps)


@pytest.mark.parametrize("quantize", [False, True])
def test_sigma_to_time(oracle_sigmas: Any, quantize: bool) -> None:
    recorded = oracle_sigmas[f"sigma_to_t_{'quantized' if quantize else 'unquantized'}"]
    for sigma, expected in recorded.items():
        t = TABLE.sigma_to_t(float(sigma), quantize=quantize)
        assert t == pytest.approx(expected, rel=FLOAT32_SCHEDULE, abs=1e-6)
