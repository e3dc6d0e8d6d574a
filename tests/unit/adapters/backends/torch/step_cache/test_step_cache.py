"""The step cache: deep blocks are computed less often, right under batching, and the picture stays near."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.network import unet_network
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.speed.passes import Passes
from adapters.backends.torch.step_cache.cached_steps import StepCache
from adapters.backends.torch.step_cache.deep import has_depth, watch_depth
from adapters.backends.torch.takeover import Network, Place
from serena import Serena
from tests.unit.adapters.backends.torch.conftest import BACKEND
from tests.unit.adapters.backends.torch.rig import distance, draw


class Asked:
    """A member of no company: runs what it is asked at once."""

    def ask(self, question: object) -> Tensor:
        return question.forward(question.rows)  # type: ignore[attr-defined,no-any-return]


class Counted:
    """The stub's UNet with a step cache; ``deep`` counts calls of its middle."""

    def __init__(self, model: LoadedModel, every: int) -> None:
        unet = sharing_copy(model.unet)
        watch_depth(unet)
        unet.mid_block.register_forward_hook(self._count)
        cached = replace(model, unet=unet, passes=Passes(step_cache=every))
        self.network: Network = unet_network(cached, Asked())  # type: ignore[arg-type]
        self.deep = 0

    def _count(self, *_given: object) -> None:
        self.deep += 1


def ask(network: Network, call: int, rows: str = "both") -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x, context = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(2, 77, 32, generator=generator)
    with torch.inference_mode():
        return network(x, 900.0, context, place=Place(call, rows))


@pytest.mark.parametrize(("every", "deep"), [(2, 4), (3, 3), (8, 1)])
def test_the_deep_blocks_are_called_as_often_as_is_said(
    stub_model: LoadedModel, every: int, deep: int
) -> None:
    counted = Counted(stub_model, every)
    for call in range(8):
        ask(counted.network, call)
    assert counted.deep == deep


def test_both_ways_answer_the_same_to_the_same_question(stub_model: LoadedModel) -> None:
    counted, plain = Counted(stub_model, 2), unet_network(stub_model, Asked())  # type: ignore[arg-type]
    expected = ask(plain, 0)
    assert torch.equal(ask(counted.network, 0), expected)
    assert torch.allclose(ask(counted.network, 1), expected, rtol=0, atol=1e-5)
    assert counted.deep == 1


def test_other_rows_have_features_of_their_own(stub_model: LoadedModel) -> None:
    counted = Counted(stub_model, 4)
    ask(counted.network, 0, "prompts")
    ask(counted.network, 1, "negatives")
    assert counted.deep == 2
    ask(counted.network, 2, "prompts")
    ask(counted.network, 2, "negatives")
    assert counted.deep == 2


def test_features_serve_no_longer_than_is_said() -> None:
    cache = StepCache(3)
    cache.keep(Place(1, "rows"), torch.zeros(2, 1))
    served = [cache.features(Place(call, "rows"), 2) is not None for call in (2, 3, 4)]
    assert served == [True, False, False]
    assert cache.features(Place(2, "rows"), 4) is None
    assert cache.features(Place(2, "others"), 2) is None


def test_networks_of_other_kinds_are_left_alone(stub_model: LoadedModel) -> None:
    assert has_depth(stub_model.unet)
    assert not has_depth(stub_model.vae)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serena]:
    backend = {**BACKEND, "max_runs": 3, "step_cache": 2}
    with Serena(backend=backend, data_dir=tmp_path_factory.mktemp("cached")) as serena:
        yield serena


def test_the_picture_stays_near(demo: Serena, cached: Serena) -> None:
    request: dict[str, Any] = {"steps": 20}
    [plain], [lossy] = draw(demo, **request), draw(cached, **request)
    [other] = draw(demo, **request, seed=6)
    assert 0 < abs(plain - lossy).mean() < abs(plain - other).mean() / 5


def test_pictures_are_marked_where_it_acted(demo: Serena, cached: Serena) -> None:
    def infotext(serena: Serena, steps: int) -> str:
        return serena.txt2img("a red circle", steps=steps, width=64, height=64).infotexts[0]

    assert "Step cache: 2" in infotext(cached, 2)
    assert "Step cache" not in infotext(cached, 1)
    assert "Step cache" not in infotext(demo, 2)


def test_company_changes_nothing(cached: Serena) -> None:
    requests = [
        {"prompt": "a blue square", "steps": 6},
        {"prompt": "a red circle", "sampler_name": "Heun", "steps": 4},
        {"prompt": "a pink ring AND a black moon", "sampler_name": "DDIM", "steps": 5, "tiling": True},
        {"prompt": "a green star", "s_min_uncond": 4.0, "steps": 6},
    ]
    alone = [draw(cached, **request)[0] for request in requests]
    with ThreadPoolExecutor(len(requests)) as pool:
        together = list(pool.map(lambda request: draw(cached, **request)[0], requests))
    assert max(distance(*pair) for pair in zip(together, alone, strict=True)) <= 1
