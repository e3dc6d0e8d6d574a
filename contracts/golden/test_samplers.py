"""Every sampler on the toy denoiser against the reference's result, evaluations, draws and predictions."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.golden.cases import EXACT, FLOAT32_SCHEDULE, Golden, assert_close, parametrize_keys
from contracts.golden.toy import DOUBLE_TABLE, Floats, NumpyOps, ReplayedNoise, ToyDenoiser
from core.sampling.params import SamplerParams
from core.sampling.passes import model_times
from core.sampling.registry import SamplerInfo, find_sampler

MAKES_ITS_OWN_SCHEDULE = ("Restart", "DPM fast", "DPM adaptive")
"""In float32 in the reference; the others were given theirs, which is recorded exactly."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize_keys(metafunc, "sample_key", "samplers.npz", "sample/")


def _sampled(
    sampler: SamplerInfo, steps: int, case: dict[str, Any], start: Floats, noise: ReplayedNoise,
    toy: ToyDenoiser,
) -> Any:  # fmt: skip
    params = SamplerParams(eta=case.get("eta", sampler.default_eta), evaluations=steps)
    if sampler.solve_times is not None:
        times = case.get("timesteps", model_times(steps))
        return sampler.solve_times(toy.timestep, start, times, noise, toy.on_step, DOUBLE_TABLE, params)
    assert sampler.solve is not None
    levels = case["sigmas"] if "sigmas" in case else [case["sigma_max"], case["sigma_min"]]
    return sampler.solve(toy.sigma, start * levels[0], levels, noise, toy.on_step, NumpyOps(), params)


def test_sampler(golden: Golden, sample_key: str) -> None:
    arrays, case = golden.arrays("samplers.npz"), golden.json("samplers.json")["cases"][sample_key]
    _, name, _, steps = sample_key.split("/")
    tolerance = FLOAT32_SCHEDULE if name in MAKES_ITS_OWN_SCHEDULE else EXACT
    toy, noise = ToyDenoiser(), ReplayedNoise(arrays["input/noise"])
    result = _sampled(find_sampler(name), int(steps), case, arrays["input/x0"], noise, toy)
    assert toy.calls == case["model_evals"]
    if "noises_used" in case:
        assert noise.used == case["noises_used"]
    if "denoised_means" in case:
        assert_close(toy.means, case["denoised_means"], tolerance)
    assert_close(result, arrays[sample_key], tolerance)


def test_the_recorded_times(golden: Golden) -> None:
    for key, case in golden.json("samplers.json")["cases"].items():
        if "timesteps" in case:
            assert model_times(int(key.rsplit("/", 1)[1])) == case["timesteps"], key
