"""What authors of backends test with, and the names that they import."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import serena.testing as kit
from adapters.backends.fake.backend import FakeBackend
from core.domain.request import GenerationRequest
from serena import RasterImage
from serena.backend import Batch, ImageBackend, PreparedRun, RunWatch

serena_app = kit.serena_app


class Counting(FakeBackend):
    """A backend of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn = 0

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        self.drawn += len(batch.seeds)
        return super().execute_run(run, batch, watch)


class Contract(kit.BackendContract):
    """Not collected: what it asks is asked of three backends elsewhere."""

    def make(self) -> ImageBackend:
        return Counting()


def test_the_contract_draws_through_a_whole_serena(tmp_path: Path) -> None:
    backend, request = Counting(), GenerationRequest(prompt="a cat", width=64, height=64, steps=1)
    with Contract().open(backend, tmp_path) as app:
        app.images.wait(app.images.submit(request), 60.0)
    assert backend.drawn == 1


def test_a_serena_that_draws_with_an_object(serena_app: kit.SerenaApp) -> None:
    backend = Counting()
    serena_app(backend=backend).txt2img("a cat", width=64, height=64, steps=1, batch_size=2)
    assert backend.drawn == 2
