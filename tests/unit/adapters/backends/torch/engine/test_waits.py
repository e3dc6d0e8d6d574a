"""The step loop never waits for the device: no value of a tensor is read on the host in it.

On a GPU such a read stops the host until everything before it is computed, at every step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from adapters.backends.torch.lazy import LazyTorchBackend
from adapters.bootstrap import bootstrap
from adapters.settings import BackendSettings, load_settings
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, PreparedRun
from core.sampling.registry import SAMPLERS
from serena import Serena
from tests.unit.adapters.backends.torch.rig import draw

READS = ("item", "_local_scalar_dense", "nonzero", "is_nonzero", "equal")
"""Operators whose answer the host needs."""

STEPWISE = [sampler.name for sampler in SAMPLERS if sampler.name != "DPM adaptive"]
"""DPM adaptive decides the length of each step by the error of the last: it has to look."""


class Counting(TorchDispatchMode):
    def __init__(self, reads: Counter[str]) -> None:
        super().__init__()
        self._reads = reads

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        if name in READS:
            self._reads[name] += 1
        return func(*args, **(kwargs or {}))


class CountedBackend:
    """The torch backend; ``reads`` counts what the host read while it drew."""

    def __init__(self) -> None:
        self._inner = LazyTorchBackend(BackendSettings(name="torch", device="cpu", threads=1))
        self.reads: Counter[str] = Counter()

    def describe(self) -> BackendInfo:
        return self._inner.describe()

    def load(self, model: ModelRef) -> None:
        self._inner.load(model)

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        with Counting(self.reads):
            return self._inner.execute_run(run, batch, watch)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serena, CountedBackend]]:
    backend = CountedBackend()
    settings = load_settings(data_dir=tmp_path_factory.mktemp("data"), backend={"name": "torch"})
    with Serena(application=bootstrap(settings, backend=backend)) as serena:
        yield serena, backend


def reads(counted: tuple[Serena, CountedBackend], **fields: Any) -> int:
    serena, backend = counted
    backend.reads.clear()
    draw(serena, **fields)
    return backend.reads.total()


@pytest.mark.parametrize("sampler", STEPWISE)
def test_more_steps_read_no_more(counted: tuple[Serena, CountedBackend], sampler: str) -> None:
    few, many = (reads(counted, sampler_name=sampler, steps=steps) for steps in (4, 7))
    assert many == few


def test_an_adaptive_sampler_is_counted(counted: tuple[Serena, CountedBackend]) -> None:
    assert reads(counted, sampler_name="DPM adaptive") > reads(counted, sampler_name="Euler")
