"""Draws with latent-diffusion UNet models."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch

from adapters.backends.torch.devices import choose_device, choose_dtype, set_threads
from adapters.backends.torch.drawing import BatchDrawing
from adapters.backends.torch.latents import decode
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.text import TextEncoder
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

    def __init__(self, settings: BackendSettings) -> None:
        set_threads(settings)
        self._device = choose_device(settings.device)
        self._dtype = choose_dtype(settings.dtype, self._device)
        self._lock = threading.Lock()
        self._loaded: tuple[LoadedModel, TextEncoder] | None = None

    @property
    def device(self) -> str:
        return str(self._device)

    def load(self, ref: ModelRef) -> None:
        self._model(ref)

    def draw(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        model, encoder = self._model(run.model)
        drawing = BatchDrawing(model, encoder, run, batch, watch)
        try:
            with tiling(bool(run.request.tiling)), torch.inference_mode():
                return decode(model, drawing.latent())
        except Interrupted:
            return [] if drawing.last is None else decode(model, drawing.last)
        except torch.OutOfMemoryError:
            raise BackendError(
                f"out of memory while drawing {run.request.width}x{run.request.height} "
                f"with batch_size {run.request.batch_size}; ask for less"
            ) from None

    def close(self) -> None:
        with self._lock:
            self._loaded = None

    def _model(self, ref: ModelRef) -> tuple[LoadedModel, TextEncoder]:
        with self._lock:
            if self._loaded is None or self._loaded[0].ref.identity != ref.identity:
                model = load_model(ref, self._device, self._dtype)
                self._loaded = model, TextEncoder(model.tokenizer, model.text_encoder, model.device)
            return self._loaded
