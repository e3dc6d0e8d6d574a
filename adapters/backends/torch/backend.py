"""Draws with latent-diffusion UNet models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from adapters.backends.torch.checkpoints import Checkpoints, needed_by
from adapters.backends.torch.devices import choose_device, choose_dtype, cuda_memory, set_threads
from adapters.backends.torch.drawing import BatchDrawing
from adapters.backends.torch.inversions import Inversions
from adapters.backends.torch.latents import decode
from adapters.backends.torch.tiling import tiling
from adapters.settings import BackendSettings
from core.domain.errors import BackendError, Interrupted
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun


class TorchBackend:
    """What ``LazyTorchBackend`` makes on first use. Several threads may draw at once; loading waits for
    none."""

    def __init__(self, settings: BackendSettings, embeddings: Path | None = None) -> None:
        set_threads(settings)
        self._device = choose_device(settings.device)
        self._dtype = choose_dtype(settings.dtype, self._device)
        self._checkpoints = Checkpoints(self._device, self._dtype, Inversions(embeddings))

    @property
    def device(self) -> str:
        return str(self._device)

    def memory(self) -> dict[str, object] | None:
        """As ``BackendInfo.memory``."""
        return cuda_memory(self._device) if self._device.type == "cuda" else None

    def load(self, ref: ModelRef) -> None:
        self._checkpoints.get(ref)

    def draw(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        needed = needed_by(run)
        drawing = BatchDrawing(lambda ref: self._checkpoints.get(ref, needed), run, batch, watch)
        try:
            with tiling(bool(run.request.tiling)), torch.inference_mode():
                latent = drawing.latent()
                return decode(drawing.model, latent)
        except Interrupted:
            return [] if drawing.last is None else decode(drawing.model, drawing.last)
        except torch.OutOfMemoryError:
            raise BackendError(
                f"out of memory while drawing {run.request.width}x{run.request.height} "
                f"with batch_size {run.request.batch_size}; ask for less"
            ) from None

    def close(self) -> None:
        self._checkpoints.clear()
