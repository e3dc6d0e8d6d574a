"""What makes passes cheaper on a CUDA device: the same pictures, and no waiting in the step loop."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.backends.torch.lazy import LazyTorchBackend
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, PreparedRun
from serena import Serena

torch = pytest.importorskip("torch", reason="needs the extra torch")

pytestmark = pytest.mark.gpu

DRAWN: dict[str, Any] = {"width": 128, "height": 128, "steps": 8, "seed": 5}
DEVICE: dict[str, Any] = {"name": "torch", "device": "cuda", "dtype": "float32"}
NEAR = 2
"""Of 255: the same sums in another order."""


class Counted:
    """The torch backend; ``waits`` counts how often the host waited for the device while it drew."""

    def __init__(self, inner: LazyTorchBackend) -> None:
        self.inner = inner
        self.waits = 0

    def describe(self) -> BackendInfo:
        return self.inner.describe()

    def load(self, model: ModelRef) -> None:
        self.inner.load(model)

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                return self.inner.execute_run(run, batch, watch)
            finally:
                torch.cuda.set_sync_debug_mode("default")
                self.waits += sum("synchronizing CUDA operation" in str(one.message) for one in seen)

    def close(self) -> None:
        self.inner.close()


def opened(folder: Path, **more: Any) -> tuple[Serena, Counted]:
    settings = load_settings(data_dir=folder, backend={**DEVICE, **more})
    backend = Counted(LazyTorchBackend(settings.backend))
    return Serena(application=bootstrap(settings, backend=backend)), backend


def drawn(serena: Serena, **fields: Any) -> Any:
    image = serena.txt2img("a red circle", **{**DRAWN, **fields}).images[0]
    return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    serena, _ = opened(tmp_path_factory.mktemp("plain"))
    with serena:
        return drawn(serena)


@pytest.mark.parametrize(
    "settings",
    [
        {"channels_last": True},
        {"fused_qkv": True},
        {"decode_stream": True, "decode_rows": 2},
        {"pinned_copies": True},
        {"passes_ahead": 2},
        {"cuda_graphs": True},
        {"compile": "regional"},
        {"compile": "regional", "cuda_graphs": True, "channels_last": True, "fused_qkv": True},
    ],
    ids=lambda settings: "+".join(settings),
)
def test_the_same_picture(plain: Any, settings: dict[str, Any], tmp_path: Path) -> None:
    serena, backend = opened(tmp_path, **settings)
    with serena:
        for _ in range(3):  # as it is, then compiled or recorded
            assert np.abs(drawn(serena) - plain).max() <= NEAR
            backend.inner.made().settle()


def test_a_step_cache_stays_near_with_graphs(plain: Any, tmp_path: Path) -> None:
    serena, _ = opened(tmp_path, step_cache=2, cuda_graphs=True)
    with serena:
        first = drawn(serena, steps=20)
        assert np.abs(drawn(serena, steps=20) - first).max() <= NEAR
        assert first.std() > 5


def test_graphs_that_share_a_pool_do_not_disturb_each_other(plain: Any, tmp_path: Path) -> None:
    serena, _ = opened(tmp_path, cuda_graphs=True)
    with serena:
        for _ in range(3):  # passes of other sizes and row counts come between
            assert np.abs(drawn(serena, batch_size=1) - plain).max() <= NEAR
            other = drawn(serena, width=64, batch_size=2)
        assert np.abs(drawn(serena, width=64, batch_size=2) - other).max() <= NEAR
        assert np.abs(drawn(serena) - plain).max() <= NEAR


@pytest.mark.parametrize("sampler", ["Euler", "Euler a", "DPM++ 2M SDE", "UniPC"])
def test_more_steps_wait_no_more(sampler: str, tmp_path: Path) -> None:
    serena, backend = opened(tmp_path, pinned_copies=True)
    with serena:
        drawn(serena, sampler_name=sampler)
        waits = []
        for steps in (6, 12):
            backend.waits = 0
            drawn(serena, sampler_name=sampler, steps=steps)
            waits.append(backend.waits)
    assert waits[0] == waits[1]
