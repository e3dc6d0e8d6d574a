"""The torch backend before torch is imported: the server listens first, and pays for the import behind it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.backends.spec import ShippedHooks
from adapters.backends.torch.places import ModelPlaces
from adapters.backends.torch.speed.plan import SpeedPlan
from adapters.settings import BackendSettings
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, PreparedRun

if TYPE_CHECKING:
    from adapters.backends.torch.backend import TorchBackend

DEFAULT_RUNS = 8
"""They share their forward passes; one that finds the device full waits for room."""


class LazyTorchBackend:
    """An ``ImageBackend`` that imports torch and makes the real one on first use."""

    def __init__(
        self,
        settings: BackendSettings,
        places: ModelPlaces | None = None,
        hooks: ShippedHooks | None = None,
    ) -> None:
        self._settings = settings
        self._places = places
        self._hooks = hooks
        self._plan = SpeedPlan.of(settings)
        self._lock = threading.Lock()
        self._made: TorchBackend | None = None

    def describe(self) -> BackendInfo:
        device = self._made.device if self._made is not None else self._settings.device
        runs = self._settings.max_runs or DEFAULT_RUNS
        memory = self._made.memory() if self._made is not None else None
        return BackendInfo(name="torch", device=device, max_runs=runs, infotext={}, memory=memory)

    def load(self, model: ModelRef) -> None:
        self.made().load(model)

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        return self.made().draw(run, batch, watch)

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def made(self) -> TorchBackend:
        """The real one, made now if need be."""
        with self._lock:
            if self._made is None:
                from adapters.backends.torch.backend import TorchBackend

                self._made = TorchBackend(self._settings, self._places, self._hooks, self._plan)
            return self._made
