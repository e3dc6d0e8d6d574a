"""The ONNX backend keeps what every backend promises, and draws the pictures of the torch backend, with the
built-in model exported as its script does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.application import Application
from adapters.backends.onnx.backend import OnnxBackend
from adapters.bootstrap import bootstrap
from adapters.models.catalog_disk import BUILTIN_NAME, DiskModelCatalog
from adapters.settings import Settings, load_settings
from contracts.backend import BackendContract, distances, png
from contracts.opened import Picture, draw_directly
from core.domain.errors import InvalidValue
from core.domain.request import GenerationRequest, HiresParams, InitParams, Kind, MaskedContent, ResizeMode
from core.ports.driven import ImageBackend

pytest.importorskip("torch", reason="needs the extra torch")

SMALL = GenerationRequest(prompt="a red circle", seed=5, width=64, height=64, steps=3)
WEIGHTED = replace(SMALL, prompt="a (red:1.3) [cat:dog:0.5] AND a square :0.6", negative_prompt="blue " * 80)
LARGER = replace(SMALL, denoising_strength=0.6)
BROWNIAN = replace(SMALL, sampler_name="DPM++ 2M SDE", override_settings={"eta_noise_seed_delta": 5})
CLIP_SKIP = {"CLIP_stop_at_last_layers": 2, "randn_source": "NV", "pad_cond_uncond": True}
NO_NORM = {"emphasis": "No norm", "pad_cond_uncond_v0": True, "enable_quantization": True}
ZERO_SNR = {"emphasis": "Ignore", "sd_noise_schedule": "Zero Terminal SNR", "s_min_uncond_all": True}
BEFORE: dict[str, Any] = {
    "save_images": True,
    "override_settings": {"save_images_before_highres_fix": True, "grid_save": False},
}
REQUESTS = {
    "prompts": replace(WEIGHTED, batch_size=2, subseed=3, subseed_strength=0.3),
    "odd size": replace(BROWNIAN, width=72, height=56, seed_resize_from_w=64, seed_resize_from_h=128),
    "time steps": replace(WEIGHTED, sampler_name="DDIM", override_settings=CLIP_SKIP),
    "two a step": replace(WEIGHTED, sampler_name="Heun", override_settings=NO_NORM),
    "guidance": replace(WEIGHTED, s_min_uncond=3.0, override_settings=ZERO_SNR),
    "larger by latent": replace(LARGER, hires=HiresParams(scale=1.5, upscaler="Latent (bicubic)"), **BEFORE),
    "larger by pixels": replace(LARGER, hires=HiresParams(scale=1.5, upscaler="Lanczos")),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the export of the built-in model."""
    from scripts.dev.export_onnx import export

    folder = tmp_path_factory.mktemp("models")
    builtin = DiskModelCatalog(folder).find(BUILTIN_NAME)
    assert builtin is not None
    export(builtin, folder)
    return folder


def settings_of(name: str, models: Path, data_dir: Path) -> Settings:
    backend = {"name": name, "device": "cpu", "threads": 1, "max_runs": 2}
    return load_settings(data_dir=data_dir, backend=backend, models={"dir": models})


@contextmanager
def opened(settings: Settings, **given: Any) -> Iterator[Application]:
    app = bootstrap(settings, **given)
    app.start()
    try:
        yield app
    finally:
        app.close()


class Kept(OnnxBackend):
    """Loads its networks once for all tests."""

    def close(self) -> None:
        """They are needed again."""


@pytest.fixture(scope="module")
def kept(models: Path) -> Kept:
    return Kept(settings_of("onnx", models, models).backend, models)


@pytest.fixture(scope="module")
def both(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Application]]:
    """Two Serenas. Nothing but the name of the backend differs."""
    with ExitStack() as stack:
        settings = [settings_of(name, models, tmp_path_factory.mktemp(name)) for name in ("torch", "onnx")]
        yield [stack.enter_context(opened(one)) for one in settings]


class TestOnnxBackend(BackendContract):
    tolerance = 1

    @pytest.fixture(autouse=True)
    def _exported(self, kept: Kept, models: Path) -> None:
        self.kept, self.models = kept, models

    def make(self) -> ImageBackend:
        return self.kept

    @contextmanager
    def open(self, backend: ImageBackend, data_dir: Path) -> Iterator[Application]:
        with opened(settings_of("onnx", self.models, data_dir), backend=backend) as app:
            yield app


class TestSwapped:
    @pytest.mark.parametrize("name", list(REQUESTS))
    def test_the_same_pictures(self, both: list[Application], name: str) -> None:
        expect_same(both, REQUESTS[name])

    def test_the_same_from_pictures_whose_latents_are_enlarged(self, both: list[Application]) -> None:
        expect_same(both, *[self.enlarged(app) for app in both])

    def enlarged(self, app: Application) -> GenerationRequest:
        pictures = [bytes(range(start, start + 96)) * (64 * 64 * 3 // 96) for start in (0, 120)]
        images = tuple(app.images.put_image(png("RGB", (64, 64), rgb)) for rgb in pictures)
        init = InitParams(images=images, resize_mode=ResizeMode.LATENT)
        larger = replace(SMALL, kind=Kind.IMG2IMG, init=init, denoising_strength=0.7, width=96, batch_size=2)
        return replace(larger, override_settings={"return_grid": False})

    @pytest.mark.parametrize("content", list(MaskedContent))
    def test_the_same_under_a_mask(self, both: list[Application], content: MaskedContent) -> None:
        requests = [self.masked(app, content) for app in both]
        expect_same(both, *requests)

    def masked(self, app: Application, content: MaskedContent) -> GenerationRequest:
        start = bytes(range(256)) * (64 * 64 * 3 // 256)
        half = (b"\0" * 32 + b"\xff" * 32) * 64
        init = InitParams(
            images=(app.images.put_image(png("RGB", (64, 64), start)),),
            mask=app.images.put_image(png("L", (64, 64), half)),
            masked_content=content,
        )
        sampler = "DDIM" if content is MaskedContent.LATENT_NOISE else "Euler a"
        drawn = replace(SMALL, kind=Kind.IMG2IMG, init=init, denoising_strength=0.7, steps=6)
        return replace(drawn, sampler_name=sampler)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"tiling": True}, "tiling"),
            ({"override_settings": {"token_merging_ratio": 0.3}}, "token_merging_ratio"),
        ],
    )
    def test_what_it_cannot_do_is_refused(
        self, both: list[Application], change: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidValue, match=field):
            draw_directly(both[1], replace(SMALL, **change))


def expect_same(apps: list[Application], *requests: GenerationRequest) -> None:
    """Pictures within 1 of 255, and infotexts to the letter."""
    each = [*requests, *requests[-1:] * (len(apps) - len(requests))]
    torch, onnx = [draw_directly(app, request) for app, request in zip(apps, each, strict=True)]
    assert max(distances(torch, onnx)) <= 1
    assert infotexts(torch) == infotexts(onnx)
    assert all(len(set(picture.rgb)) > 1 for picture in onnx)


def infotexts(pictures: list[Picture]) -> list[str]:
    return [picture.infotext for picture in pictures]
