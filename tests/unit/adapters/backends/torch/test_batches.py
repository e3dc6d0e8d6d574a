"""A picture is a function of its request and its seed, whatever is drawn beside it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import Tensor

from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from serena import Serena
from tests.unit.adapters.backends.torch.latents_seen import LatentsSeen
from tests.unit.adapters.backends.torch.rig import Pixels, distance, draw

ROUNDING = 1
"""Of 255: the sums of a batched product may be added up in another order."""

SAME_LATENT = 1e-4
"""In single precision, where a latent spreads over about one."""


@pytest.mark.parametrize("sampler", ["Euler", "Euler a", "DPM++ SDE", "DDIM", "UniPC", "LCM"])
def test_a_batch_of_four_equals_its_pictures_alone(demo: Serena, sampler: str) -> None:
    together = draw(demo, sampler_name=sampler, batch_size=4)
    [alone] = draw(demo, sampler_name=sampler, seed=7)
    assert len(together) == 4
    assert distance(together[2], alone) <= ROUNDING


def test_a_prompt_matrix_drawn_together_equals_it_one_by_one(demo: Serena) -> None:
    texts = "a red circle|and a (blue:1.3) square AND a star|[small:large:1]"
    matrix: dict[str, Any] = {"script_name": "prompt matrix", "script_args": (), "cfg_scale": 3.5, "steps": 2}
    together = draw(demo, texts, batch_size=4, **matrix)
    alone = draw(demo, texts, batch_size=1, **matrix)
    assert len(together) == len(alone) == 5, "a sheet, and four pictures"
    assert max(distance(one, other) for one, other in zip(together, alone, strict=True)) <= ROUNDING


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
    # Two prompts of full weight: half the scale guides as far, and rounding grows with guidance.
    {"prompt": "a pink ring AND a black moon", "sampler_name": "DDIM", "steps": 6, "cfg_scale": 3.5},
    {"prompt": "a white heart", "sampler_name": "UniPC", "batch_size": 2},
    {"prompt": "[a red circle:a blue circle:2]", "sampler_name": "DPM adaptive"},
    {"prompt": "a city at night", "width": 128, "sampler_name": "Euler a"},
    {"prompt": "a cyan cross", "tiling": True, "cfg_scale": 1},
]


@hypothesis_settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chosen=st.lists(st.sampled_from(MIXES), min_size=2, max_size=5))
def test_any_mix_of_runs_draws_what_each_draws_alone(seen: Seen, chosen: list[dict[str, Any]]) -> None:
    alone = [seen.alone(request) for request in chosen]
    together = at_once(seen.serena, chosen)
    for drawn, (pictures, _) in zip(together, alone, strict=True):
        assert max(distance(*pair) for pair in zip(drawn, pictures, strict=True)) <= ROUNDING
    for request, (_, latent) in zip(chosen, alone, strict=True):
        for other in seen.backend.taken(request["prompt"]):
            assert float((other - latent).abs().max()) <= SAME_LATENT


class Seen:
    """Draws with latents in sight; what is drawn alone is drawn once."""

    def __init__(self, serena: Serena, backend: LatentsSeen) -> None:
        self.serena, self.backend = serena, backend
        self._alone: dict[str, tuple[list[Pixels], Tensor]] = {}

    def alone(self, request: dict[str, Any]) -> tuple[list[Pixels], Tensor]:
        prompt = request["prompt"]
        if prompt not in self._alone:
            pictures = draw(self.serena, **request)
            self._alone[prompt] = pictures, self.backend.taken(prompt)[0]
        return self._alone[prompt]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    backend = LatentsSeen()
    settings = load_settings(data_dir=tmp_path_factory.mktemp("seen"), backend={"name": "torch"})
    with Serena(application=bootstrap(settings, backend=backend)) as serena:
        yield Seen(serena, backend)


@hypothesis_settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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
