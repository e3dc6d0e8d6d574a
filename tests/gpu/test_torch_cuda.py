"""The torch backend on a CUDA device: it repeats itself, and half precision draws."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.models.catalog_disk import BUILTIN_FOLDER
from core.domain.model import ModelIdentity, ModelRef
from serena import Serena

pytestmark = pytest.mark.gpu

DRAWN: dict[str, Any] = {"width": 128, "height": 128, "steps": 8, "seed": 5}


@pytest.fixture(scope="module", params=["float32", "float16", "bfloat16"])
def serena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serena]:
    folder: Path = tmp_path_factory.mktemp("cuda")
    backend = {"name": "torch", "device": "cuda", "dtype": request.param}
    with Serena(backend=backend, data_dir=folder) as opened:
        yield opened


@pytest.mark.parametrize("source", ["CPU", "GPU", "NV"])
@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M SDE", "UniPC"])
def test_the_same_request_twice(serena: Serena, sampler: str, source: str) -> None:
    options = {"randn_source": source}
    first, second = (
        np.asarray(
            serena.txt2img("a red circle", sampler_name=sampler, override_settings=options, **DRAWN).images[0]
        ).astype(int)
        for _ in range(2)
    )
    assert np.abs(first - second).max() <= 1
    assert first.std() > 5


def test_nv_is_the_gpus_own_noise(serena: Serena) -> None:
    """The NV source is Philox as CUDA has it, so on CUDA both draw the same picture."""
    gpu, nv = (
        np.asarray(
            serena.txt2img("a red circle", override_settings={"randn_source": source}, **DRAWN).images[0]
        ).astype(int)
        for source in ("GPU", "NV")
    )
    assert np.abs(gpu - nv).mean() < 1


def test_pictures_of_other_sizes(serena: Serena) -> None:
    assert serena.txt2img("a red circle", **{**DRAWN, "width": 200, "height": 72}).images[0].size == (200, 72)


def test_a_checkpoint_comes_back_from_the_memory_of_the_host() -> None:
    import torch

    from adapters.backends.torch.warm import WarmLoads, pinned

    loads, cuda = WarmLoads(1 << 32), torch.device("cuda")
    ref = ModelRef(ModelIdentity("demo", "ab" * 32), str(BUILTIN_FOLDER))
    first, again = (loads(ref, cuda, torch.float16) for _ in range(2))
    weights, same = first.unet.state_dict(), again.unet.state_dict()
    assert all(x.is_cuda and torch.equal(same[name], x) for name, x in weights.items())
    assert first.unet is not again.unet
    assert pinned(torch.ones(3)).is_pinned()
