"""Noise sources, Philox draws and Brownian trees against the reference's."""

from __future__ import annotations

import re

import pytest
import torch

from adapters.backends.shared.philox import PhiloxGenerator
from adapters.backends.torch.noise import BatchNoise, NoiseSpec, RandnSource, seed_resize_cells
from contracts.golden.cases import FLOAT32_SCHEDULE, Golden, assert_close, parametrize_keys

SEEDS, SUBSEEDS = (1234, 1235), (99, 100)
CPU = torch.device("cpu")
SOURCES: dict[str, RandnSource] = {"CPU": "CPU", "NV": "NV"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture in ("rng", "philox", "brownian"):
        parametrize_keys(metafunc, f"{fixture}_key", "samplers.npz", f"{fixture}/")


def _fields(pattern: str, key: str) -> tuple[str, ...]:
    match = re.fullmatch(pattern, key)
    assert match, f"{key} is no key of the README"
    return match.groups()


def test_batch_noise(golden: Golden, rng_key: str) -> None:
    pattern = r"rng/(CPU|NV)/ensd(-?\d+)/sub([\d.]+)/resize(\d+)x(\d+)/(\d+)"
    source, ensd, strength, height, width, draw = _fields(pattern, rng_key)
    expected = golden.arrays("samplers.npz")[rng_key]
    spec = NoiseSpec(
        seeds=SEEDS,
        subseeds=SUBSEEDS,
        subseed_strength=float(strength),
        shape=expected.shape[1:],
        source=SOURCES[source],
        device=CPU,
        ensd=int(ensd),
        resize_from=seed_resize_cells(int(width), int(height)),
    )
    noise = BatchNoise(spec)
    draws = [noise.first(), *(noise.draw() for _ in range(int(draw)))]
    assert_close(draws[int(draw)], expected, FLOAT32_SCHEDULE)


def test_philox(golden: Golden, philox_key: str) -> None:
    seed, draw = _fields(r"philox/(\d+)/(\d+)", philox_key)
    expected = golden.arrays("samplers.npz")[philox_key]
    generator = PhiloxGenerator(int(seed))
    draws = [generator.randn(expected.shape) for _ in range(int(draw) + 1)]
    assert_close(draws[int(draw)], expected, FLOAT32_SCHEDULE)


def test_brownian_tree(golden: Golden, brownian_key: str) -> None:
    """Over the model's own range. A tree answers in float32, from a path that it keeps in float32."""
    seed, start, end = _fields(r"brownian/seed(\d+)/([\d.]+)-([\d.]+)", brownian_key)
    expected = golden.arrays("samplers.npz")[brownian_key]
    table = golden.json("samplers.json")
    spec = NoiseSpec(
        seeds=(int(seed),) * expected.shape[0],
        subseeds=(0,) * expected.shape[0],
        subseed_strength=0.0,
        shape=expected.shape[1:],
        source="CPU",
        device=CPU,
    )
    noise = BatchNoise(spec, (table["sigma_min"], table["sigma_max"]))
    assert_close(noise.between(float(start), float(end)), expected, FLOAT32_SCHEDULE)
