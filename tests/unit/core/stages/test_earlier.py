"""Faces mended in pictures that are drawn, and what is saved of a picture from before."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from contracts.opened import PATIENCE
from core.domain.errors import Interrupted
from core.domain.image import BlobRef, RasterImage
from core.domain.job import Job, JobState
from core.domain.request import GenerationRequest, HiresParams, InitParams, Kind
from core.ports.driven import RunWatch


class GreyFaces:
    """A face restorer that paints everything in one grey.

    :ivar asked: name and weight of each call.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []
        self.stop = False

    def names(self) -> Sequence[str]:
        return ("GFPGAN",)

    def restore(self, name: str, image: RasterImage, weight: float, watch: RunWatch) -> RasterImage:
        watch.begin_pass(1)
        self.asked.append((name, weight))
        if self.stop:
            raise Interrupted
        watch.check()
        watch.step(1)
        return RasterImage(image.width, image.height, image.mode, b"\x64" * len(image.pixels))


@pytest.fixture
def faces() -> GreyFaces:
    return GreyFaces()


@pytest.fixture
def app(tmp_path: Path, faces: GreyFaces) -> Iterator[Application]:
    settings = load_settings(data_dir=tmp_path, backend={"name": "fake"})
    app = bootstrap(settings, faces=faces)
    app.start()
    try:
        yield app
    finally:
        app.close()


def run(app: Application, request: GenerationRequest) -> Job:
    job = app.images.wait(app.images.submit(request), PATIENCE)
    assert job.state is JobState.SUCCEEDED, job.error
    assert job.result is not None
    return job


DEFAULTS: dict[str, Any] = {
    "prompt": "a face", "seed": 3, "steps": 2, "width": 64, "height": 64,
    "restore_faces": True, "save_images": True,
}  # fmt: skip
OPTIONS = {"face_restoration_model": "GFPGAN", "samples_filename_pattern": "[seed]", "save_to_dirs": False}


def wanted(options: dict[str, Any] | None = None, **fields: Any) -> GenerationRequest:
    return GenerationRequest(**{**DEFAULTS, **fields, "override_settings": {**OPTIONS, **(options or {})}})


def saved(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[2] for path in (folder / "outputs" / "txt2img-images").iterdir())


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def is_grey(path: Path) -> bool:
    return opened(path).getextrema() == ((100, 100),) * 3


def test_faces_are_mended_with_the_options_weight(app: Application, faces: GreyFaces, tmp_path: Path) -> None:
    job = run(app, wanted(n_iter=2, options={"code_former_weight": 0.25}))
    assert faces.asked == [("GFPGAN", 0.25), ("GFPGAN", 0.25)]
    assert job.result is not None
    assert job.result.comments == ()
    assert all(is_grey(tmp_path / image.path) for image in job.result.images if image.path)
    assert "Face restoration: GFPGAN" in job.result.images[1].infotext


def test_nothing_is_mended_unless_asked(app: Application, faces: GreyFaces) -> None:
    run(app, wanted(restore_faces=False))
    run(app, wanted(restore_faces=None))
    assert faces.asked == []
    run(app, wanted(restore_faces=None, options={"face_restoration": True}))
    assert len(faces.asked) == 1


def test_a_restorer_without_weights_is_a_comment(app: Application, faces: GreyFaces) -> None:
    job = run(app, wanted(options={"face_restoration_model": "CodeFormer"}))
    assert job.result is not None
    assert job.result.comments == ("CodeFormer has no weights here, so faces stayed as they were.",)
    assert faces.asked == []


def test_the_picture_before_is_saved_beside(app: Application, tmp_path: Path) -> None:
    job = run(app, wanted(options={"save_images_before_face_restoration": True}))
    assert job.result is not None
    assert len(job.result.images) == 1
    assert saved(tmp_path) == ["3-before-face-restoration.png", "3.png"]
    [before] = (tmp_path / "outputs" / "txt2img-images").glob("*-before-face-restoration.png")
    assert not is_grey(before)


def test_faces_of_an_interrupted_picture_stay(app: Application, faces: GreyFaces, tmp_path: Path) -> None:
    faces.stop = True
    run(app, wanted(options={"save_images_before_face_restoration": True}))
    assert saved(tmp_path) == ["3.png"]


def test_img2img_is_mended_before_the_original_is_laid_over(app: Application, faces: GreyFaces) -> None:
    def put(picture: Image.Image) -> BlobRef:
        out = io.BytesIO()
        picture.save(out, "PNG")
        return app.images.put_image(out.getvalue())

    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    init = InitParams(
        images=(put(Image.new("RGB", (64, 64), (10, 20, 30))),),
        mask=put(mask),
        mask_blur_x=0,
        mask_blur_y=0,
        only_masked=False,
    )
    job = run(app, wanted(kind=Kind.IMG2IMG, init=init, denoising_strength=0.5))
    assert job.result is not None
    drawn = Image.open(io.BytesIO(app.images.image(job.result.images[0].blob)))
    assert drawn.getpixel((5, 30)) == (100, 100, 100)
    assert drawn.getpixel((60, 30)) == (10, 20, 30)


@pytest.mark.parametrize(("on", "save"), [(True, True), (False, True), (True, False)])
def test_the_first_pass_of_hires_fix_is_saved_beside(
    app: Application, tmp_path: Path, on: bool, save: bool
) -> None:
    request = wanted(
        restore_faces=False,
        save_images=save,
        batch_size=2,
        n_iter=2,
        denoising_strength=0.5,
        hires=HiresParams(scale=2),
        options={"save_images_before_highres_fix": on, "grid_save": False, "return_grid": False},
    )
    job = run(app, request)
    assert job.result is not None
    assert len(job.result.images) == 4
    if not save:
        assert not (tmp_path / "outputs").exists()
        return
    early = [f"{seed}-before-highres-fix.png" for seed in (3, 4, 5, 6)] if on else []
    assert saved(tmp_path) == sorted([*early, *(f"{seed}.png" for seed in (3, 4, 5, 6))])
    for path in (tmp_path / "outputs" / "txt2img-images").iterdir():
        assert opened(path).size == ((64, 64) if "before" in path.name else (128, 128))
