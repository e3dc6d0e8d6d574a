"""A picture is a function of its request and its seed, whatever is drawn beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serena import Serena
from tests.unit.adapters.backends.torch.rig import Pixels, distance, draw

ROUNDING = 1
"""Of 255: the sums of a batched product may be added up in another order."""


@pytest.mark.parametrize("sampler", ["Euler", "Euler a", "DPM++ SDE", "DDIM", "UniPC", "LCM"])
def test_a_batch_of_four_equals_its_pictures_alone(demo: Serena, sampler: str) -> None:
    together = draw(demo, sampler_name=sampler, batch_size=4)
    [alone] = draw(demo, sampler_name=sampler, seed=7)
    assert len(together) == 4
    assert distance(together[2], alone) <= ROUNDING


@pytest.mark.parametrize("source", ["CPU", "NV"])
def test_a_batch_with_a_variation_seed_and_other_sources(demo: Serena, source: str) -> None:
    options = {"randn_source": source, "eta_noise_seed_delta": 31337}
    changes = {"sampler_name": "DPM++ 2M SDE", "override_settings": options, "subseed_strength": 0.3}
    together = draw(demo, batch_size=3, subseed=70, **changes)
    [alone] = draw(demo, subseed=72, **changes)
    assert distance(together[2], alone) <= ROUNDING


MIXES = [
    {"prompt": "a blue square", "steps": 8},
    {"prompt": "a (red:1.3) circle", "sampler_name": "Heun", "cfg_scale": 2},
    {"prompt": "a green star", "sampler_name": "DPM++ SDE", "seed": 11},
    {"prompt": "a pink ring AND a black moon", "sampler_name": "DDIM", "steps": 6},
    {"prompt": "a white heart", "sampler_name": "UniPC", "batch_size": 2},
    {"prompt": "[a red circle:a blue circle:2]", "sampler_name": "DPM adaptive"},
    {"prompt": "a city at night", "width": 128, "sampler_name": "Euler a"},
    {"prompt": "a cyan cross", "tiling": True, "cfg_scale": 1},
]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(MIXES), min_size=2, max_size=5))
def test_any_mix_of_runs_draws_what_each_draws_alone(demo: Serena, chosen: list[dict[str, Any]]) -> None:
    alone = [draw(demo, **request) for request in chosen]
    together = at_once(demo, chosen)
    pairs = [pair for ours in zip(together, alone, strict=True) for pair in zip(*ours, strict=True)]
    assert max(distance(*pair) for pair in pairs) <= ROUNDING


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(company=st.lists(st.sampled_from(MIXES), min_size=1, max_size=3))
def test_a_deterministic_run_has_the_same_bytes_in_any_company(
    demo: Serena, company: list[dict[str, Any]]
) -> None:
    request = {"prompt": "a yellow hexagon", "sampler_name": "DPM++ 2M", "deterministic": True}
    [alone] = draw(demo, **request)
    [[first], *_] = at_once(demo, [request, *company])
    assert distance(first, alone) == 0


def at_once(serena: Serena, requests: list[dict[str, Any]]) -> list[list[Pixels]]:
    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(lambda request: draw(serena, **request), requests))


def test_iterations_go_on_with_the_seeds(demo: Serena) -> None:
    drawn = draw(demo, batch_size=2, n_iter=2)
    [last] = draw(demo, seed=8)
    assert distance(drawn[3], last) <= ROUNDING


def test_two_runs_at_once_equal_each_alone(demo: Serena) -> None:
    requests = [
        {"prompt": "a blue square", "steps": 8},
        {"prompt": "a red circle", "sampler_name": "DPM++ SDE", "width": 128, "tiling": True},
    ]
    alone = [draw(demo, **request)[0] for request in requests]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda request: draw(demo, **request)[0], requests))
    assert [distance(*pair) for pair in zip(together, alone, strict=True)] == [0, 0]


@pytest.mark.parametrize("source", ["CPU", "GPU", "NV"])
@pytest.mark.parametrize("seed", [0, -5, 2**40 + 3])
def test_any_seed_draws_with_any_source(demo: Serena, source: str, seed: int) -> None:
    options = {"randn_source": source}
    first, again = (
        draw(demo, seed=seed, steps=2, sampler_name="DPM++ 2M SDE", override_settings=options)[0]
        for _ in range(2)
    )
    assert distance(first, again) == 0


def test_the_nv_source_is_another_one(demo: Serena) -> None:
    [cpu], [nv] = (draw(demo, override_settings={"randn_source": source}) for source in ("CPU", "NV"))
    assert distance(cpu, nv) > 30


@pytest.mark.parametrize(("width", "height"), [(72, 64), (64, 104), (520, 8), (8, 8)])
def test_sizes_that_are_no_multiple_of_the_networks(demo: Serena, width: int, height: int) -> None:
    [picture] = draw(demo, width=width, height=height, steps=1)
    assert picture.shape == (height, width, 3)
