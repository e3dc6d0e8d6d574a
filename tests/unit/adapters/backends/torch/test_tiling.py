"""Pictures that continue over their edges, and only those."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from weakref import ref

import numpy as np
import pytest
import torch

from adapters.backends.torch.lazy import LazyTorchBackend
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.tiling import make_tileable, tiling
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from core.domain.image import RasterImage
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun
from serena import Serena
from tests.unit.adapters.backends.torch.rig import Pixels, Watch, draw

PROMPT = "sunset over mountains"


def seam(picture: Pixels) -> float:
    """How much more the left edge differs from the right one than neighbouring columns do."""
    across = np.abs(picture[:, 0] - picture[:, -1]).mean()
    return float(across - np.abs(np.diff(picture, axis=1)).mean())


def test_a_tiled_picture_has_no_seam(demo: Serena) -> None:
    tiled, plain = (draw(demo, PROMPT, steps=8, batch_size=4, tiling=on) for on in (True, False))
    assert np.mean([seam(picture) for picture in tiled]) < 10
    assert np.mean([seam(picture) for picture in plain]) > 3 * max(
        1.0, np.mean([seam(picture) for picture in tiled])
    )


@torch.inference_mode()
def test_a_tiled_decoder_turns_with_its_latent(demo_model: LoadedModel) -> None:
    """Shifting the latent around the edge shifts the picture: nothing knows where the edge is."""
    latent = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    with tiling(True):
        straight = demo_model.vae.decode(latent).sample
        turned = demo_model.vae.decode(latent.roll(3, dims=3)).sample
    assert torch.allclose(turned, straight.roll(24, dims=3), atol=1e-4)
    untiled = demo_model.vae.decode(latent).sample
    assert not torch.allclose(untiled, straight, atol=1e-2)


@torch.inference_mode()
def test_the_flag_belongs_to_its_thread(demo_model: LoadedModel) -> None:
    latent = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    plain = demo_model.vae.decode(latent).sample
    inside, decoded = threading.Event(), threading.Event()

    def tile() -> None:
        with tiling(True):
            inside.set()
            assert decoded.wait(30)

    with ThreadPoolExecutor(1) as pool:
        tiling_run = pool.submit(tile)
        assert inside.wait(30)
        beside = demo_model.vae.decode(latent).sample
        decoded.set()
        tiling_run.result(30)
    assert torch.equal(beside, plain)


@pytest.mark.parametrize("before", [True, False])
def test_it_ends_with_the_block(demo_model: LoadedModel, before: bool) -> None:
    latent = torch.zeros((1, 4, 8, 8))
    with tiling(before), torch.inference_mode():
        first = demo_model.vae.decode(latent).sample
        with tiling(not before):
            demo_model.vae.decode(latent)
        assert torch.equal(demo_model.vae.decode(latent).sample, first)


def test_a_copy_with_other_weights_keeps_none_of_the_first() -> None:
    first = torch.nn.Conv2d(1, 1, 3, padding=1)
    make_tileable(first)
    copy, weight = sharing_copy(first), ref(first.weight)
    copy.weight = torch.nn.Parameter(torch.zeros(1, 1, 3, 3))
    del first
    assert weight() is None
    assert copy(torch.ones(1, 1, 4, 4)).shape == (1, 1, 4, 4)


class Looking(Watch):
    """Looks at the preview of each step, in the thread that draws."""

    def __init__(self) -> None:
        super().__init__(stop_after=2)
        self.seen: RasterImage | None = None

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        self.seen = None if preview is None else preview()


class Interrupted(LazyTorchBackend):
    """Every run is interrupted. :ivar drawn: what became of the last one, and what was seen before."""

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        looking = Looking()
        pictures = super().execute_run(run, batch, looking)
        self.drawn = [*pictures, looking.seen]
        return pictures


def test_an_interrupted_run_is_tiled_too(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path, backend={"name": "torch"})
    backend = Interrupted(settings.backend)
    with Serena(application=bootstrap(settings, backend=backend)) as serena:
        draw(serena, PROMPT, tiling=True)
    interrupted, seen = backend.drawn
    assert interrupted == seen
