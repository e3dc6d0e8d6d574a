"""The torch backend keeps its promises on a CUDA device too, and draws there what it draws on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from contracts.backend import BackendContract, pixels
from contracts.opened import draw_directly
from core.ports.driven import ImageBackend

torch_backend = pytest.importorskip("adapters.backends.torch", reason="needs the extra torch")

pytestmark = pytest.mark.gpu


def settings(device: str) -> dict[str, object]:
    return {"name": "torch", "device": device, "dtype": "float32", "max_runs": 2}


@contextmanager
def drawing_with(backend: ImageBackend, device: str, data_dir: Path) -> Iterator[Application]:
    app = bootstrap(load_settings(data_dir=data_dir, backend=settings(device)), backend=backend)
    app.start()
    try:
        yield app
    finally:
        app.close()


class TestTorchOnCuda(BackendContract):
    tolerance = 3

    def make(self) -> ImageBackend:
        return torch_backend.spec.create(load_settings(backend=settings("cuda")))

    @contextmanager
    def open(self, backend: ImageBackend, data_dir: Path) -> Iterator[Application]:
        with drawing_with(backend, "cuda", data_dir) as app:
            yield app

    def test_the_picture_of_the_cpu(self, app: Application, tmp_path: Path) -> None:
        cpu = torch_backend.spec.create(load_settings(backend=settings("cpu")))
        with drawing_with(cpu, "cpu", tmp_path / "cpu") as other:
            [expected] = draw_directly(other, self.request())
        [drawn] = draw_directly(app, self.request())
        difference = np.abs(pixels(drawn).astype(int) - pixels(expected).astype(int))
        assert difference.mean() < 1
