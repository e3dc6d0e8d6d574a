"""An export in memory, and a backend that loads it when it is asked for."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.backends.onnx import spec
from adapters.backends.onnx.backend import OnnxBackend
from adapters.backends.onnx.model import load_model
from adapters.settings import BackendSettings, load_settings
from core.domain.errors import BackendError, ModelError
from core.domain.model import ModelIdentity, ModelRef
from tests.unit.adapters.backends.onnx.tiny import write_export

REF = ModelRef(ModelIdentity("cats", "ab" * 32), "cats")
OTHER = replace(REF, identity=ModelIdentity("dogs", "cd" * 32))
ON_CPU = BackendSettings(device="cpu", threads=1)


def test_latents_are_scaled_and_shifted_and_back(tmp_path: Path) -> None:
    write_export(tmp_path, REF)
    model = load_model(REF, tmp_path, ON_CPU)
    pixels = np.random.default_rng(1).random((2, 3, 8, 8), dtype=np.float32)
    latents = model.encode(pixels)
    assert np.allclose(latents, (pixels * 2 - 1 - 0.25) * 0.5, atol=1e-6)
    assert np.allclose(model.decode(latents), pixels, atol=1e-6)


def test_a_picture_that_is_no_number(tmp_path: Path) -> None:
    write_export(tmp_path, REF, decoder_factor=math.nan)
    with pytest.raises(BackendError, match="NaN; export the checkpoint anew"):
        load_model(REF, tmp_path, ON_CPU).decode(np.ones((1, 3, 8, 8), np.float32))


def test_a_broken_tokenizer(tmp_path: Path) -> None:
    (write_export(tmp_path, REF) / "tokenizer.json").write_text("{")
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be loaded"):
        load_model(REF, tmp_path, ON_CPU)


def test_the_model_loaded_before_still_serves(tmp_path: Path) -> None:
    write_export(tmp_path, REF)
    backend = OnnxBackend(ON_CPU, tmp_path)
    backend.load(REF)
    with pytest.raises(ModelError, match=r"dogs \[cdcdcdcdcd\] is not exported"):
        backend.load(OTHER)
    (tmp_path / "ONNX" / "ababababab" / "export.json").unlink()
    backend.load(REF)
    backend.close()
    with pytest.raises(ModelError, match=r"cats \[ababababab\] is not exported"):
        backend.load(REF)


def test_what_it_says_of_itself(tmp_path: Path) -> None:
    backend = spec.create(load_settings(data_dir=tmp_path, backend={"max_runs": 3, "device": "cpu"}))
    told = backend.describe()
    assert (told.name, told.device, told.max_runs, told.infotext) == ("onnx", "cpu", 3, {})
    assert spec.unavailable() is None


def test_it_draws_without_torch() -> None:
    code = "import sys, adapters.backends.onnx.drawing; print({'torch', 'transformers'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
