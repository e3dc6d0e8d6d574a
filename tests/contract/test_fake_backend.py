"""The fake backend keeps what every backend promises, and says that it is fake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.application import Application
from adapters.backends.fake.backend import FakeBackend
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from contracts.backend import BackendContract
from contracts.opened import Opened, draw_directly
from core.ports.driven import ImageBackend


class TestFakeBackend(BackendContract):
    def make(self) -> ImageBackend:
        return FakeBackend(max_runs=2)

    @contextmanager
    def open(self, backend: ImageBackend, data_dir: Path) -> Iterator[Application]:
        app = bootstrap(load_settings(data_dir=data_dir, backend={"name": "fake"}), backend=backend)
        app.start()
        try:
            yield app
        finally:
            app.close()

    def test_its_pictures_say_that_they_are_fake(self, app: Opened) -> None:
        [picture] = draw_directly(app, self.request())
        assert "Backend: fake" in picture.infotext

    @pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M", "DPM adaptive", "DDIM"])
    def test_samplers_of_every_kind_act(self, app: Opened, sampler: str) -> None:
        [euler] = draw_directly(app, self.request())
        [other] = draw_directly(app, replace(self.request(), sampler_name=sampler))
        assert other.rgb != euler.rgb
