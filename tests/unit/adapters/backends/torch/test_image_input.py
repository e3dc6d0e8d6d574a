"""Inpainting models (9 channels) and models that follow instructions (8), as stubs with random weights."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from adapters.backends.torch.engine.calls import Question
from adapters.backends.torch.engine.merger import Lane
from adapters.backends.torch.image_input import hires_input, image_input
from adapters.backends.torch.latents import decode_floats, encode_floats
from adapters.backends.torch.model import LoadedModel, load_model
from core.domain.errors import BackendError, InvalidValue
from core.domain.image import RasterImage
from core.domain.request import HiresParams
from core.prepared import InitPictures
from serena import Serena
from tests.unit.adapters.backends.torch.rig import (
    CPU,
    distance,
    draw,
    half_mask,
    pixels,
    redraw,
    reference,
    smooth_picture,
    stub_folder,
)

KINDS = {9: "StableDiffusionInpaintPipeline", 8: "StableDiffusionInstructPix2PixPipeline"}


def folder_of(out: Path, channels: int) -> Path:
    folder = stub_folder(out, in_channels=channels)
    index = folder / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "_class_name": KINDS[channels]}))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    return {channels: folder_of(tmp_path_factory.mktemp(str(channels)), channels) for channels in KINDS}


@pytest.fixture(scope="module")
def models(folders: dict[int, Path]) -> dict[int, LoadedModel]:
    return {key: load_model(reference(folder), CPU, torch.float32) for key, folder in folders.items()}


@contextmanager
def serving(folder: Path, data_dir: Path) -> Iterator[Serena]:
    backend = {"name": "torch", "device": "cpu", "threads": 1}
    models = {"builtin": False, "dir": folder.parent}
    with Serena(backend=backend, data_dir=data_dir, models=models) as serena:
        yield serena


def start(masked: bool = True, **changes: Any) -> InitPictures:
    picture, mask = smooth_picture(), half_mask()
    images = (RasterImage(64, 64, "RGB", picture.tobytes()),)
    plain = {"images": images, "denoising_strength": 0.5, **changes}
    return InitPictures(mask=RasterImage(64, 64, "L", mask.tobytes()) if masked else None, **plain)


def encoded(model: LoadedModel, values: np.ndarray[Any, Any]) -> torch.Tensor:
    return encode_floats(model, torch.from_numpy(np.moveaxis(values, 2, 0)[None].astype(np.float32) / 255))


def test_plain_models_see_nothing(stub_model: LoadedModel) -> None:
    assert image_input(stub_model, start(), 1, 8, 8, 1.0) is None
    assert hires_input(stub_model, torch.zeros(1, 4, 8, 8), 0.5) is None


class TestInpainting:
    def test_the_mask_then_the_rest_of_the_picture(self, models: dict[int, LoadedModel]) -> None:
        model = models[9]
        seen = image_input(model, start(), 2, 8, 8, 1.0)
        assert seen is not None
        assert seen.channels.shape == (2, 5, 8, 8)
        assert torch.equal(seen.channels[0, 0], (torch.arange(8) >= 4).float().repeat(8, 1))
        grey = pixels(smooth_picture()).astype(np.float64)
        grey[:, 32:] = 127.5
        assert torch.allclose(seen.channels[0, 1:], encoded(model, grey)[0], atol=1e-4)

    def test_a_lower_mask_weight_lets_the_picture_shine_through(self, models: dict[int, LoadedModel]) -> None:
        seen = image_input(models[9], start(), 1, 8, 8, 0.0)
        assert seen is not None
        whole = encoded(models[9], pixels(smooth_picture()))
        assert torch.allclose(seen.channels[:, 1:], whole, atol=1e-4)

    @pytest.mark.parametrize("init", [None, start(masked=False)])
    def test_without_a_mask_all_is_painted(
        self, models: dict[int, LoadedModel], init: InitPictures | None
    ) -> None:
        seen = image_input(models[9], init, 1, 8, 8, 1.0)
        assert seen is not None
        assert bool((seen.channels[:, 0] == 1).all())
        grey = encoded(models[9], np.full((64, 64, 3), 127.5))
        assert torch.allclose(seen.channels[:, 1:], grey, atol=1e-4)

    def test_a_picture_of_another_size_is_brought_to_the_latent(self, models: dict[int, LoadedModel]) -> None:
        seen = image_input(models[9], start(), 1, 12, 6, 1.0)
        assert seen is not None
        assert seen.channels.shape == (1, 5, 12, 6)

    @pytest.mark.parametrize("weight", [1.0, 0.5])
    def test_the_second_pass_of_hires_fix(self, models: dict[int, LoadedModel], weight: float) -> None:
        seen = hires_input(models[9], torch.ones(2, 4, 12, 8), weight)
        assert seen is not None
        assert seen.channels.shape == (2, 5, 12, 8)

    def test_it_draws(self, folders: dict[int, Path], tmp_path: Path) -> None:
        with serving(folders[9], tmp_path) as serena:
            [plain] = draw(serena)
            large = draw(serena, denoising_strength=0.5, hires=HiresParams())[0]
            painted = redraw(serena, smooth_picture(), half_mask(), mask_blur=0, inpaint_full_res=False)
        assert (plain.shape, large.shape) == ((64, 64, 3), (128, 128, 3))
        assert np.array_equal(painted[:, :32], pixels(smooth_picture())[:, :32])


class TestInstructions:
    def test_the_picture_is_seen_unscaled(self, models: dict[int, LoadedModel]) -> None:
        model = models[8]
        seen = image_input(model, start(image_cfg_scale=1.5), 1, 8, 8, 1.0)
        assert seen is not None
        whole = encoded(model, pixels(smooth_picture())) / model.vae.config.scaling_factor
        assert torch.allclose(seen.channels, whole, atol=1e-4)
        assert seen.guidance == 1.5

    @pytest.mark.parametrize("scale", [None, 1.0])
    def test_no_guidance_by_picture(self, models: dict[int, LoadedModel], scale: float | None) -> None:
        seen = image_input(models[8], start(image_cfg_scale=scale), 1, 8, 8, 1.0)
        assert seen is not None
        assert seen.guidance is None

    def test_it_draws(self, folders: dict[int, Path], tmp_path: Path) -> None:
        with serving(folders[8], tmp_path) as serena:
            [plain] = draw(serena)
            low, high = (redraw(serena, smooth_picture(), image_cfg_scale=scale) for scale in (1.5, 9.0))
            with pytest.raises((InvalidValue, BackendError), match="image_cfg_scale"):
                serena.img2img("a AND b", smooth_picture(), width=64, height=64, image_cfg_scale=1.5)
        assert plain.shape == (64, 64, 3)
        assert distance(low, high) > 0


def test_what_a_run_starts_from_shares_no_call_of_the_vae(demo_model: LoadedModel) -> None:
    asked: list[bool] = []

    class Told(Lane):
        def ask(self, question: Question, *, alone: bool = False) -> Tensor:
            asked.append(alone)
            return super().ask(question, alone=alone)

    model = replace(demo_model, lane=Told(time.monotonic, 4))
    latent = encode_floats(model, torch.zeros(1, 3, 64, 64))
    decode_floats(model, latent)
    assert asked == [True, True]
