"""Devices, threads, and networks that fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adapters.backends.onnx.sessions import CPU, CUDA, Network, check_dtype, choose_providers, session_options
from adapters.settings import BackendSettings
from core.domain.errors import BackendError, ModelError, SettingsError
from tests.unit.adapters.backends.onnx.tiny import doubling


@pytest.mark.parametrize(
    ("device", "available", "chosen"),
    [
        ("auto", [CPU], [CPU]),
        ("auto", [CUDA, CPU], [CUDA, CPU]),
        ("cpu", [CUDA, CPU], [CPU]),
        ("cuda", [CUDA, CPU], [(CUDA, {"device_id": "0"}), CPU]),
        ("cuda:1", [CUDA, CPU], [(CUDA, {"device_id": "1"}), CPU]),
    ],
)
def test_devices(device: str, available: list[str], chosen: list[object]) -> None:
    assert choose_providers(device, available) == chosen


@pytest.mark.parametrize(
    ("device", "words"),
    [("cuda", "knows only CPUExecutionProvider"), ("mps", "auto, cpu, cuda"), ("cuda:x", "auto, cpu, cuda")],
)
def test_devices_that_are_not_there(device: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        choose_providers(device, [CPU])


def test_the_number_format() -> None:
    check_dtype("float32")
    with pytest.raises(SettingsError, match="'float16'; the ONNX backend draws in float32 only"):
        check_dtype("float16")


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert session_options(BackendSettings(threads=5)).intra_op_num_threads == 5
    assert session_options(BackendSettings()).intra_op_num_threads == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert session_options(BackendSettings()).intra_op_num_threads >= 1


def test_a_network_answers_and_says_what_it_cannot_take(tmp_path: Path) -> None:
    network = Network(doubling(tmp_path / "twice.onnx"), session_options(BackendSettings(threads=1)), [CPU])
    x = np.arange(4, dtype=np.float32)
    assert np.array_equal(network(x=x), x * 2)
    with pytest.raises(BackendError, match="ONNX Runtime failed: "):
        network(x=x.astype(np.int64))


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "unet.onnx").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"unet\.onnx cannot be loaded: "):
        Network(tmp_path / "unet.onnx", session_options(BackendSettings(threads=1)), [CPU])
