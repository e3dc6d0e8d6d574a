"""Pictures that are a pure function of (prompt, seed, size, sampler, steps, …), drawn without torch.

Everything that a request sets acts: steps, sampler, schedule, seeds, guidance, prompt editing, init images,
masks, hires fix.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from adapters.backends.fake import world
from adapters.backends.fake.drawing import FakeDrawing
from adapters.backends.fake.noise import SeededNoise
from adapters.backends.fake.world import CELL
from core.domain.errors import Interrupted
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, PreparedRun
from core.sampling.model_sigmas import ModelSigmas


class FakeBackend:
    """An ``ImageBackend``.

    :param step_seconds: what a model evaluation takes beside its arithmetic, for tests of progress and
        cancel.
    :param zero_cost: skip the loop; for measuring what a job costs around it.
    """

    def __init__(self, *, max_runs: int = 1, step_seconds: float = 0.0, zero_cost: bool = False) -> None:
        self._max_runs = max_runs
        self._step_seconds = step_seconds
        self._zero_cost = zero_cost
        self._sigmas = ModelSigmas.scaled_linear()

    def describe(self) -> BackendInfo:
        return BackendInfo(name="fake", device="cpu", max_runs=self._max_runs, infotext={"Backend": "fake"})

    def load(self, model: ModelRef) -> None:
        """Nothing to load."""

    def close(self) -> None:
        """Nothing is held."""

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        if self._zero_cost:
            return _without_sampling(run, batch, watch)
        drawing = FakeDrawing(run, batch, watch, self._sigmas, self._step_seconds)
        try:
            return world.decode(drawing.latent())
        except Interrupted:
            return [] if drawing.last is None else world.decode(drawing.last)


def _without_sampling(run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
    rows, columns = run.request.height // CELL, run.request.width // CELL
    watch.begin_pass(run.plan.steps)
    watch.step(run.plan.steps)
    return [_noise_alone(seed, rows, columns) for seed in batch.seeds]


@lru_cache(maxsize=4)
def _noise_alone(seed: int, rows: int, columns: int) -> RasterImage:
    return world.decode(SeededNoise([seed], rows, columns).draw() * world.SPREAD)[0]
