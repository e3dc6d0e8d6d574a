"""Draws with latent-diffusion UNet models."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from adapters.backends.spec import ShippedHooks
from adapters.backends.torch.checkpoints import Checkpoints, Wanted
from adapters.backends.torch.devices import choose_device, choose_dtype, cuda_memory, on_device, set_threads
from adapters.backends.torch.drawing import BatchDrawing
from adapters.backends.torch.engine.admission import Admission
from adapters.backends.torch.engine.batcher import StepBatcher
from adapters.backends.torch.engine.buckets import FIXED, Buckets
from adapters.backends.torch.engine.cost import cost_meter
from adapters.backends.torch.engine.heeding import heeding
from adapters.backends.torch.engine.merger import Counts
from adapters.backends.torch.hooks.gated import GatedHooks
from adapters.backends.torch.latents import decode
from adapters.backends.torch.model import load_model
from adapters.backends.torch.places import ModelPlaces
from adapters.backends.torch.precision import widening, wider_format
from adapters.backends.torch.preparing import prepared
from adapters.backends.torch.previews import Previews
from adapters.backends.torch.speed.decoding import decode_stream
from adapters.backends.torch.speed.passes import Passes
from adapters.backends.torch.speed.plan import SpeedPlan
from adapters.backends.torch.tiling import tiling
from adapters.backends.torch.vaes import VaeFiles
from adapters.backends.torch.warm import WarmLoads
from adapters.settings import BackendSettings
from core.domain.errors import BackendError, Interrupted, SettingsError
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.ports.driven import RunWatch
from core.prepared import Batch, PreparedRun


class TorchBackend:
    """What ``LazyTorchBackend`` makes on first use. Several threads may draw at once; loading waits for
    none."""

    def __init__(
        self,
        settings: BackendSettings,
        places: ModelPlaces | None = None,
        hooks: ShippedHooks | None = None,
        plan: SpeedPlan | None = None,
    ) -> None:
        known = places or ModelPlaces()
        self._hooks = None if hooks is None else GatedHooks(hooks)
        set_threads(settings)
        self._device = choose_device(settings.device)
        speed = plan or SpeedPlan()
        if speed.fp8 and self._device.type != "cuda":
            raise SettingsError(f"backend.fp8 is true, which needs a CUDA device; this is {self._device}")
        self._dtype = choose_dtype(settings.dtype, self._device, speed.fp8)
        buckets = Buckets(FIXED if self._device.type == "cuda" else ())
        admission, meter = Admission(settings.max_rows), cost_meter(self._device, speed.ahead)
        self._batcher = StepBatcher(time.monotonic, admission, buckets, meter)
        self._previews = Previews(known.models)
        self._deterministic = settings.deterministic
        self._passes = Passes.of(speed, self._device, known.compiled)
        load = WarmLoads(known.warm) if known.warm and self._device.type == "cuda" else load_model
        stream = decode_stream(self._device, speed.decode_stream)
        self._checkpoints = Checkpoints(
            self._device,
            self._dtype,
            VaeFiles(known.models),
            known.budget,
            known.models,
            lambda *asked: prepared(load(*asked), speed, self._passes, stream),
        )

    @property
    def counts(self) -> Counts:
        """What the batcher did so far."""
        return self._batcher.counts

    @property
    def text_calls(self) -> int:
        """How often a text encoder of the checkpoints in memory was called; prompts that are known cost
        none."""
        return self._checkpoints.text_calls

    def settle(self) -> None:
        """Wait until what has been asked for so far is compiled. For measurements."""
        self._passes.settle()

    @property
    def device(self) -> str:
        return str(self._device)

    def memory(self) -> dict[str, object] | None:
        """As ``BackendInfo.memory``."""
        return cuda_memory(self._device) if self._device.type == "cuda" else None

    def load(self, ref: ModelRef) -> None:
        self._checkpoints.get(ref)

    def draw(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        wanted, to = Wanted.of(run), wider_format(run.options)
        alone = self._deterministic or run.request.deterministic
        drawing = BatchDrawing(
            lambda ref, loras: self._checkpoints.get(ref, replace(wanted, loras=loras)),
            run,
            batch,
            watch,
            self._batcher,
            self._previews,
            alone=alone,
            hooks=self._hooks,
        )
        try:
            with (
                on_device(self._device),
                widening(to),
                tiling(bool(run.request.tiling)),
                torch.inference_mode(),
            ):
                latent = _latent(drawing, watch)
                # From here on a picture is due, whether the run is to stop or not.
                return [] if latent is None else decode(drawing.model, latent, alone=alone)
        except torch.OutOfMemoryError:
            raise BackendError(
                f"out of memory while drawing {run.request.width}x{run.request.height} "
                f"with batch_size {run.request.batch_size}; ask for less"
            ) from None

    def close(self) -> None:
        self._passes.close()
        self._checkpoints.clear()


def _latent(drawing: BatchDrawing, watch: RunWatch) -> Tensor | None:
    """What was drawn, or predicted last by the time it was to stop; None before that."""
    try:
        with heeding(watch.check):
            return drawing.latent()
    except Interrupted:
        return drawing.last
