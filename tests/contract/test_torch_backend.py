"""The torch backend keeps what every backend promises, with the built-in model on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from contracts.backend import BackendContract
from core.ports.driven import ImageBackend

torch_backend = pytest.importorskip("adapters.backends.torch", reason="needs the extra torch")

SETTINGS = {"name": "torch", "device": "cpu", "threads": 1, "max_runs": 2}


class TestTorchBackend(BackendContract):
    tolerance = 2

    def make(self) -> ImageBackend:
        return torch_backend.spec.create(load_settings(backend=SETTINGS))

    @contextmanager
    def open(self, backend: ImageBackend, data_dir: Path) -> Iterator[Application]:
        app = bootstrap(load_settings(data_dir=data_dir, backend=SETTINGS), backend=backend)
        app.start()
        try:
            yield app
        finally:
            app.close()
