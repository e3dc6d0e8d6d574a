"""Draws with exported networks of the SD 1 family, on ONNX Runtime and numpy. Imports no torch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.backends.onnx.refusals import check_run
from adapters.settings import BackendSettings
from core.domain.errors import Interrupted
from core.domain.image import RasterImage
from core.domain.model import ModelIdentity, ModelRef
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, PreparedRun

if TYPE_CHECKING:
    from adapters.backends.onnx.model import OnnxModel


class OnnxBackend:
    """An ``ImageBackend``. ONNX Runtime is imported when the first checkpoint is loaded. One is kept; a run
    in flight keeps its own.

    :param models: the models folder, below which the exports lie.
    """

    def __init__(self, settings: BackendSettings, models: Path) -> None:
        self._settings = settings
        self._models = models
        self._lock = threading.Lock()
        self._loaded: tuple[ModelIdentity, OnnxModel] | None = None

    def describe(self) -> BackendInfo:
        runs = self._settings.max_runs or 1
        return BackendInfo(name="onnx", device=self._settings.device, max_runs=runs, infotext={})

    def load(self, model: ModelRef) -> None:
        self._model(model)

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        from adapters.backends.onnx.drawing import BatchDrawing

        check_run(run, batch)
        drawing = BatchDrawing(self._model(run.model), run, batch, watch, self._settings.max_rows)
        try:
            return drawing.pictures()
        except Interrupted:
            return drawing.last_pictures()

    def close(self) -> None:
        with self._lock:
            self._loaded = None

    def _model(self, ref: ModelRef) -> OnnxModel:
        from adapters.backends.onnx.model import load_model

        with self._lock:
            if self._loaded is None or self._loaded[0] != ref.identity:
                self._loaded = (ref.identity, load_model(ref, self._models, self._settings))
            return self._loaded[1]
