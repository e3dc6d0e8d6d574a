"""ONNX Runtime: which device, how many threads, and a network that is asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from adapters.backends.onnx.arrays import Floats
from adapters.settings import BackendSettings
from core.domain.errors import BackendError, ModelError, SettingsError

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
Provider = str | tuple[str, dict[str, str]]
_ERRORS_ONLY = 3


def check_dtype(dtype: str) -> None:
    """Exports are single precision. Raises ``SettingsError`` for another format."""
    if dtype not in ("auto", "float32"):
        raise SettingsError(f"backend.dtype is {dtype!r}; the ONNX backend draws in float32 only")


def choose_providers(device: str, available: Sequence[str]) -> list[Provider]:
    """``auto`` takes CUDA where this ONNX Runtime has it. Raises ``SettingsError`` for a device that is not
    there."""
    kind, _, index = device.partition(":")
    if kind == "cuda" and (not index or index.isdigit()):
        if CUDA not in available:
            raise SettingsError(
                f"backend.device is {device!r}, but this ONNX Runtime knows only {', '.join(available)}"
            )
        return [(CUDA, {"device_id": index or "0"}), CPU]
    if device == "auto" and CUDA in available:
        return [CUDA, CPU]
    if device in ("auto", "cpu"):
        return [CPU]
    raise SettingsError(
        f"backend.device is {device!r}; for the ONNX backend it must be auto, cpu, cuda or cuda:N"
    )


def session_options(settings: BackendSettings) -> Any:
    """Half of the cores by default, as in the torch backend; ``OMP_NUM_THREADS`` is heeded too."""
    options = onnxruntime.SessionOptions()
    told = os.environ.get("OMP_NUM_THREADS", "")
    half = max(1, (os.cpu_count() or 2) // 2)
    options.intra_op_num_threads = settings.threads or (int(told) if told.isdigit() else half)
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    return options


class Network:
    """One exported network. Several threads may ask at once."""

    def __init__(self, path: Path, options: Any, providers: Sequence[Provider]) -> None:
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=list(providers))
        except Exception as error:
            # Its errors share no class but Exception, and none of them is ours.
            raise ModelError(f"{path} cannot be loaded: {_first_line(error)}") from error

    def __call__(self, **given: NDArray[Any]) -> Floats:
        try:
            [answer] = self._session.run(None, given)
        except Exception as error:
            raise BackendError(f"ONNX Runtime failed: {_first_line(error)}") from error
        told: Floats = answer
        return told


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
