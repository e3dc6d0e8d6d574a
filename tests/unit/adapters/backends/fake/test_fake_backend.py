"""The fake backend: everything that a request sets acts, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.backends.fake import spec
from adapters.backends.fake.backend import FakeBackend
from adapters.settings import load_settings
from core.domain.job import JobState
from core.domain.request import GenerationRequest, MaskedContent
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from core.sampling.registry import SAMPLERS
from tests.unit.core.workshop import Workshop, img2img, request

PLAIN = request(width=64, height=64, steps=4)
START = np.full((64, 64, 3), 90, np.uint8)


def draw(made: GenerationRequest, index: int = 0, **options: Any) -> NDArray[np.uint8]:
    shop = Workshop(backend=FakeBackend(**options))
    return shop.pixels(shop.result(made), index)


def same(one: GenerationRequest, other: GenerationRequest) -> bool:
    return np.array_equal(draw(one), draw(other))


@pytest.mark.parametrize("size", [(64, 64), (16, 8), (72, 40), (8, 8), (71, 47)])
def test_the_size_is_that_asked_for_in_whole_cells(size: tuple[int, int]) -> None:
    height, width, _ = draw(replace(PLAIN, width=size[0], height=size[1])).shape
    assert (width, height) == (size[0] // 8 * 8, size[1] // 8 * 8)


def test_the_same_request_gives_the_same_picture() -> None:
    assert same(PLAIN, PLAIN)


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a dog"}, {"negative_prompt": "a dog"}, {"seed": 8}, {"steps": 5}, {"cfg_scale": 2.0},
        {"sampler_name": "Heun"}, {"scheduler": "Karras"}, {"prompt": "[a cat:a dog:0.5]"},
        {"prompt": "a cat AND a dog"}, {"subseed_strength": 0.4},
    ],
)  # fmt: skip
def test_everything_acts(change: dict[str, Any]) -> None:
    assert not same(PLAIN, replace(PLAIN, **change))


def test_a_subseed_acts_only_with_its_strength() -> None:
    assert same(PLAIN, replace(PLAIN, subseed=77))
    varied = replace(PLAIN, subseed_strength=0.4)
    assert not same(varied, replace(varied, subseed=77))
    whole = replace(PLAIN, subseed_strength=1.0)
    assert np.array_equal(draw(whole), draw(replace(PLAIN, seed=PLAIN.subseed)))


@pytest.mark.parametrize("sampler", [info.name for info in SAMPLERS])
def test_every_sampler_draws(sampler: str) -> None:
    assert draw(replace(PLAIN, sampler_name=sampler, width=16, height=16)).std() > 0


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ SDE", "DDIM"])
def test_a_picture_does_not_depend_on_its_neighbours(sampler: str) -> None:
    batch = replace(PLAIN, batch_size=3, sampler_name=sampler, override_settings={"return_grid": False})
    assert np.array_equal(draw(batch, 2), draw(replace(batch, seed=9, batch_size=1)))


def test_it_says_that_it_is_fake() -> None:
    shop = Workshop(backend=FakeBackend())
    result = shop.result(PLAIN)
    assert "Backend: fake" in result.images[0].infotext
    corner = shop.pixels(result)[:8, :16]
    assert set(np.unique(corner)) <= {0, 255}


def start(shop: Workshop, init: dict[str, Any], **fields: Any) -> GenerationRequest:
    return img2img([shop.put(START)], init, width=64, height=64, steps=8, **fields)


def test_img2img_keeps_more_at_low_strength() -> None:
    far = []
    for strength in (0.1, 0.9):
        shop = Workshop(backend=FakeBackend())
        drawn = shop.pixels(shop.result(start(shop, {}, denoising_strength=strength)))[24:]
        far.append(np.abs(drawn.astype(int) - 90).mean())
    assert far[0] < far[1]


@pytest.mark.parametrize("content", list(MaskedContent))
def test_a_mask_acts(content: MaskedContent) -> None:
    shop = Workshop(backend=FakeBackend(), changed={"overlay_inpaint": False})
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 32:] = 255
    init = {
        "mask": shop.put(mask), "mask_blur_x": 0, "mask_blur_y": 0, "only_masked": False,
        "masked_content": content,
    }  # fmt: skip
    drawn = shop.pixels(shop.result(start(shop, init)))[24:].astype(int)
    assert np.abs(drawn[:, :32] - 90).max() <= 1
    assert np.abs(drawn[:, 32:] - 90).max() > 5


class Watched(FakeBackend):
    """Tells the steps and interrupts after ``stop_at`` of them."""

    def __init__(self, shop: list[Workshop], stop_at: int) -> None:
        super().__init__(step_seconds=0.0001)
        self.shop, self.stop_at = shop, stop_at

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Any:
        if self.stop_at == 0:
            self.shop[0].service.interrupt()
        return super().execute_run(run, batch, _Stopping(watch, self))


class _Stopping:
    def __init__(self, inner: RunWatch, backend: Watched) -> None:
        self._inner, self._backend = inner, backend
        self.begin_pass, self.check = inner.begin_pass, inner.check

    def step(self, done: int, preview: Any = None) -> None:
        self._inner.step(done, preview)
        assert preview().mode == "RGB"
        if done == self._backend.stop_at:
            self._backend.shop[0].service.interrupt()


@pytest.mark.parametrize(("stop_at", "pictures"), [(0, 0), (2, 1)])
def test_an_interrupt_gives_what_there_is(stop_at: int, pictures: int) -> None:
    shops: list[Workshop] = []
    shop = Workshop(backend=Watched(shops, stop_at))
    shops.append(shop)
    job = shop.draw(replace(PLAIN, steps=20))
    assert job.state is JobState.CANCELLED
    assert job.result is not None
    assert len(job.result.images) == pictures
    assert shop.service.progress().step == stop_at


def test_zero_cost_asks_the_model_nothing() -> None:
    assert np.array_equal(
        draw(PLAIN, zero_cost=True), draw(replace(PLAIN, steps=9, prompt="x"), zero_cost=True)
    )


def test_settings_make_it() -> None:
    backend = spec.create(load_settings(backend={"name": "fake", "max_runs": 3}))
    assert backend.describe().max_runs == 3
    assert spec.create(load_settings()).describe().max_runs == 1
    assert spec.unavailable() is None
    backend.close()
