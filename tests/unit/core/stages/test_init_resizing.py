"""``upscaler_for_img2img``: what enlarges init pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.images.upscalers import PillowUpscalers
from adapters.settings import load_settings
from contracts.opened import PATIENCE
from core.domain.geometry import Size
from core.domain.image import RasterImage
from core.domain.job import Job
from core.domain.request import GenerationRequest, InitParams, Kind, MaskedContent, ResizeMode
from core.domain.resources import UpscalerRef
from core.domain.upscaling import Tiling
from core.ports.driven import RunWatch
from tests.unit.core.workshop import ScriptedBackend


class WhiteUpscaler(PillowUpscalers):
    """Pillow's, and one that fills with white.

    :ivar asked: the size and tiling of each call of that one.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[Size, Tiling]] = []

    def all(self) -> Sequence[UpscalerRef]:
        return (*super().all(), UpscalerRef(name="white", path="DAT/white.safetensors"))

    def upscale(
        self, name: str, image: RasterImage, size: Size, tiling: Tiling, watch: RunWatch
    ) -> RasterImage:
        if name != "white":
            return super().upscale(name, image, size, tiling, watch)
        watch.begin_pass(1)
        watch.check()
        watch.step(1)
        self.asked.append((size, tiling))
        return RasterImage(*size, image.mode, b"\xff" * (size.width * size.height * 3))


@pytest.fixture
def upscalers() -> WhiteUpscaler:
    return WhiteUpscaler()


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
def app(tmp_path: Path, upscalers: WhiteUpscaler, backend: ScriptedBackend) -> Iterator[Application]:
    settings = load_settings(data_dir=tmp_path, backend={"name": "fake"})
    app = bootstrap(settings, upscalers=upscalers, backend=backend)
    app.start()
    try:
        yield app
    finally:
        app.close()


def run(app: Application, options: dict[str, Any], mode: ResizeMode = ResizeMode.STRETCH, **init: Any) -> Job:
    out = io.BytesIO()
    Image.new("RGB", (40, 32), (10, 20, 30)).save(out, "PNG")
    request = GenerationRequest(
        kind=Kind.IMG2IMG,
        init=InitParams(images=(app.images.put_image(out.getvalue()),), resize_mode=mode, **init),
        width=96,
        height=64,
        seed=1,
        steps=1,
        denoising_strength=0.5,
        override_settings=options,
    )
    job = app.images.wait(app.images.submit(request), PATIENCE)
    assert job.result is not None, job.error
    return job


def start(backend: ScriptedBackend) -> np.ndarray:  # type: ignore[type-arg]
    init = backend.runs[-1].init
    assert init is not None
    [image] = init.images
    assert image.size == (96, 64)
    return np.frombuffer(image.pixels, np.uint8).reshape(64, 96, 3)


@pytest.mark.parametrize("name", [None, "", "None"])
def test_without_one_lanczos_is_used(
    app: Application, upscalers: WhiteUpscaler, backend: ScriptedBackend, name: str | None
) -> None:
    run(app, {} if name is None else {"upscaler_for_img2img": name})
    assert upscalers.asked == []
    assert (start(backend) == (10, 20, 30)).all()


@pytest.mark.parametrize(
    ("mode", "size"),
    [
        (ResizeMode.STRETCH, Size(96, 72)),
        (ResizeMode.CROP, Size(96, 72)),
        (ResizeMode.FILL, Size(80, 64)),
    ],
)
def test_a_picture_that_must_grow_goes_through_it(
    app: Application, upscalers: WhiteUpscaler, backend: ScriptedBackend, mode: ResizeMode, size: Size
) -> None:
    run(app, {"upscaler_for_img2img": "white", "DAT_tile": 64}, mode)
    assert upscalers.asked == [(size, Tiling(64, 8))]
    assert (start(backend) == 255).all()


def test_one_that_shrinks_does_not(
    app: Application, upscalers: WhiteUpscaler, backend: ScriptedBackend
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (200, 200), (10, 20, 30)).save(out, "PNG")
    request = GenerationRequest(
        kind=Kind.IMG2IMG,
        init=InitParams(images=(app.images.put_image(out.getvalue()),)),
        width=96,
        height=64,
        steps=1,
        override_settings={"upscaler_for_img2img": "white"},
    )
    assert app.images.wait(app.images.submit(request), PATIENCE).result is not None
    assert upscalers.asked == []
    assert (start(backend) == (10, 20, 30)).all()


def test_the_masked_part_goes_through_it_too(
    app: Application, upscalers: WhiteUpscaler, backend: ScriptedBackend
) -> None:
    mask = Image.new("L", (40, 32), 0)
    mask.paste(255, (10, 10, 16, 14))
    out = io.BytesIO()
    mask.save(out, "PNG")
    ref = app.images.put_image(out.getvalue())
    run(
        app,
        {"upscaler_for_img2img": "white"},
        mask=ref,
        mask_blur_x=0,
        mask_blur_y=0,
        only_masked=True,
        only_masked_padding=0,
        masked_content=MaskedContent.ORIGINAL,
    )
    assert len(upscalers.asked) == 1
    assert (start(backend) == 255).all()


def test_an_unknown_one_is_a_comment_and_lanczos(
    app: Application, upscalers: WhiteUpscaler, backend: ScriptedBackend
) -> None:
    job = run(app, {"upscaler_for_img2img": "none such"})
    assert job.result is not None
    assert job.result.comments == (
        "There is no upscaler none such (upscaler_for_img2img), so Lanczos was used.",
    )
    assert (start(backend) == (10, 20, 30)).all()
