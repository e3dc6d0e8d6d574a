"""The torch backend with its latents in sight, for tests that compare more than pictures."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from adapters.backends.torch.checkpoints import Checkpoints
from adapters.backends.torch.drawing import BatchDrawing
from adapters.backends.torch.engine.admission import Admission
from adapters.backends.torch.engine.batcher import StepBatcher
from adapters.backends.torch.engine.buckets import Buckets
from adapters.backends.torch.engine.cost import ThreadCost
from adapters.backends.torch.engine.merger import Counts
from adapters.backends.torch.latents import decode
from adapters.backends.torch.previews import Previews
from adapters.backends.torch.tiling import tiling
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, PreparedRun
from tests.unit.adapters.backends.torch.rig import CPU


class LatentsSeen:
    """An ``ImageBackend`` of the same parts."""

    def __init__(self) -> None:
        self._checkpoints = Checkpoints(CPU, torch.float32)
        self._batcher = StepBatcher(time.monotonic, Admission(16), Buckets(), ThreadCost())
        self._lock = threading.Lock()
        self._latents: dict[str, list[Tensor]] = {}

    @property
    def counts(self) -> Counts:
        return self._batcher.counts

    def taken(self, prompt: str) -> list[Tensor]:
        """The latents drawn for that prompt since it was asked last."""
        with self._lock:
            return self._latents.pop(prompt, [])

    def describe(self) -> BackendInfo:
        return BackendInfo(name="torch", device="cpu", max_runs=8, infotext={})

    def load(self, model: ModelRef) -> None:
        self._checkpoints.get(model)

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        drawing = BatchDrawing(
            lambda ref, loras: self._checkpoints.get(ref), run, batch, watch, self._batcher, Previews()
        )
        with torch.inference_mode(), tiling(bool(run.request.tiling)):
            latent = drawing.latent()
            with self._lock:
                self._latents.setdefault(run.request.prompt, []).append(latent)
            return decode(drawing.model, latent)

    def close(self) -> None:
        self._checkpoints.clear()
