"""Folders that are broken, and settings that name what is not there: one sentence each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters.backends.torch.devices import choose_device, choose_dtype
from adapters.backends.torch.model import load_model
from core.domain.errors import BackendError, ModelError, SettingsError
from core.sampling.scalings import PredictionType
from serena import Serena
from tests.unit.adapters.backends.torch.rig import CPU, draw, reference

WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(stub: Path, tmp_path: Path) -> Path:
    """A model folder that a test may break."""
    return shutil.copytree(stub, tmp_path / "models" / "broken")


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def load(folder: Path) -> Any:
    return load_model(reference(folder), CPU, torch.float32)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


BREAKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no index": (lambda f: (f / "model_index.json").unlink(), "model_index.json is missing"),
    "index no json": (lambda f: (f / "model_index.json").write_text("{"), "model_index.json is no JSON"),
    "index a list": (lambda f: (f / "model_index.json").write_text("[]"), "is no JSON object"),
    "another pipeline": (
        lambda f: change(f / "model_index.json", _class_name="KandinskyPipeline"),
        "is a KandinskyPipeline; this backend draws with StableDiffusionPipeline",
    ),
    "weights truncated": (lambda f: truncate(f / WEIGHTS), "cannot be loaded"),
    "weights missing": (
        lambda f: (f / WEIGHTS).unlink(),
        "broken/unet cannot be loaded: it has no .safetensors file",
    ),
    "text encoder missing": (lambda f: shutil.rmtree(f / "text_encoder"), "cannot be loaded"),
    "tokenizer missing": (lambda f: shutil.rmtree(f / "tokenizer"), "cannot be loaded"),
    "scheduler missing": (
        lambda f: (f / "scheduler/scheduler_config.json").unlink(),
        "scheduler/scheduler_config.json is missing",
    ),
    "unknown betas": (
        lambda f: change(f / "scheduler/scheduler_config.json", beta_schedule="odd"),
        "beta schedule 'odd' is not known",
    ),
    "unknown prediction": (
        lambda f: change(f / "scheduler/scheduler_config.json", prediction_type="odd"),
        "'odd' is not a valid PredictionType",
    ),
    "an inpainting model of four channels that says eight": (
        lambda f: change(f / "model_index.json", _class_name="StableDiffusionInstructPix2PixPipeline"),
        "has 4 input channels",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_folder_is_told_in_a_sentence(copy: Path, case: str) -> None:
    spoil, sentence = BREAKS[case]
    spoil(copy)
    with pytest.raises(ModelError) as caught:
        load(copy)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_pickles_are_not_opened(copy: Path) -> None:
    (copy / WEIGHTS).unlink()
    torch.save({"danger": torch.zeros(1)}, copy / "unet/diffusion_pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(copy)


@pytest.mark.parametrize("prediction", list(PredictionType)[:3])
def test_the_prediction_type_is_read(copy: Path, prediction: PredictionType) -> None:
    change(copy / "scheduler/scheduler_config.json", prediction_type=prediction.value)
    assert load(copy).prediction is prediction


def test_linear_betas(copy: Path) -> None:
    change(copy / "scheduler/scheduler_config.json", beta_schedule="linear")
    assert load(copy).sigmas.sigma_max > 0


@pytest.mark.parametrize("sampler", ["Euler", "DPM adaptive", "DDIM"])
def test_nan_weights_end_in_a_sentence(copy: Path, tmp_path: Path, sampler: str) -> None:
    weights = load_file(copy / WEIGHTS)
    weights["conv_out.bias"].fill_(float("nan"))
    save_file(weights, copy / WEIGHTS, metadata={"format": "pt"})
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    models = {"builtin": False, "dir": copy.parent}
    with (
        Serena(backend=backend, data_dir=tmp_path, models=models) as serena,
        pytest.raises(BackendError, match=r"NaN|not finite"),
    ):
        draw(serena, steps=2, sampler_name=sampler)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gpu7", "it must be auto, cpu, cuda, cuda:N or mps"),
        ("cuda:99", "CUDA devices"),
        ("mps", "torch sees none here"),
        ("meta", "it must be auto, cpu, cuda, cuda:N or mps"),
    ],
)
def test_a_device_that_is_not_there(name: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        choose_device(name)


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_a_device_that_is_there(name: str) -> None:
    assert choose_device(name).type in ("cpu", "cuda", "mps")


def test_number_formats() -> None:
    cuda = torch.device("cuda")
    assert choose_dtype("auto", CPU) is torch.float32
    assert choose_dtype("auto", cuda) is torch.float16
    assert choose_dtype("bfloat16", CPU) is torch.bfloat16


def test_an_unknown_number_format_or_device_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"backend.dtype"):
        Serena(backend={"name": "torch", "dtype": "float7"}, data_dir=tmp_path)
    with (
        Serena(backend={"name": "torch", "device": "tpu"}, data_dir=tmp_path) as serena,
        pytest.raises(SettingsError, match=r"backend.device is 'tpu'"),
    ):
        draw(serena)
