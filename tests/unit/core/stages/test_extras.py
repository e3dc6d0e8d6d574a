"""Extras through an assembled Serena with the fake backend: what comes out, and what is said of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.images.upscalers import PillowUpscalers
from adapters.settings import load_settings
from contracts.fakes import JournalPlugin
from contracts.opened import PATIENCE
from core.domain.errors import Interrupted, InvalidValue, PluginError
from core.domain.geometry import Size
from core.domain.image import RasterImage
from core.domain.job import Job, JobState
from core.domain.request import ExtrasParams, GenerationRequest, Kind
from core.domain.resources import UpscalerRef
from core.domain.serial import from_plain, to_plain
from core.domain.upscaling import Tiling
from core.drafts import ImageDraft, RequestDraft, ResultDraft
from core.ports.driven import RunWatch
from plugins.hookspecs import hookimpl


class HalfFaces:
    """A face restorer that paints everything in one grey."""

    def names(self) -> Sequence[str]:
        return ("GFPGAN", "CodeFormer")

    def restore(self, name: str, image: RasterImage, weight: float, watch: RunWatch) -> RasterImage:
        watch.begin_pass(1)
        value = 100 if name == "GFPGAN" else 200
        return RasterImage(image.width, image.height, image.mode, bytes([value]) * len(image.pixels))


@dataclass
class CountingUpscalers(PillowUpscalers):
    """Pillow's, and one that fills with white; it calls back before each picture."""

    asked: list[tuple[str, Size, Tiling]] = field(default_factory=list)
    stop_at: int = -1

    def all(self) -> Sequence[UpscalerRef]:
        white = UpscalerRef(name="4x, white", model_name="4x, white", path="DAT/4x, white.safetensors")
        return (*super().all(), white)

    def upscale(
        self, name: str, image: RasterImage, size: Size, tiling: Tiling, watch: RunWatch
    ) -> RasterImage:
        self.asked.append((name, size, tiling))
        if len(self.asked) == self.stop_at:
            raise Interrupted
        if name in ("None", "Lanczos", "Nearest"):
            return super().upscale(name, image, size, tiling, watch)
        return RasterImage(*size, image.mode, b"\xff" * (size.width * size.height * len(image.mode)))


@pytest.fixture
def journal() -> JournalPlugin:
    return JournalPlugin()


@pytest.fixture
def upscalers() -> CountingUpscalers:
    return CountingUpscalers()


@pytest.fixture
def app(tmp_path: Path, journal: JournalPlugin, upscalers: CountingUpscalers) -> Iterator[Application]:
    yield from started(tmp_path, journal, upscalers=upscalers)


def started(path: Path, plugin: object, **parts: Any) -> Iterator[Application]:
    settings = load_settings(data_dir=path, backend={"name": "fake"})
    app = bootstrap(settings, plugins=[("plugin", plugin)], **parts)
    app.start()
    try:
        yield app
    finally:
        app.close()


def extras(app: Application, images: Sequence[bytes], **fields: Any) -> GenerationRequest:
    refs = tuple(app.images.put_image(image) for image in images)
    return GenerationRequest(kind=Kind.EXTRAS, extras=ExtrasParams(images=refs, **fields))


def run(app: Application, images: Sequence[bytes], options: Any = None, **fields: Any) -> Job:
    request = replace(extras(app, images, **fields), override_settings=options or {})
    return app.images.wait(app.images.submit(request), PATIENCE)


def outcome(app: Application, job: Job) -> tuple[str, list[Image.Image]]:
    assert job.result is not None
    pictures = [Image.open(io.BytesIO(app.images.image(image.blob))) for image in job.result.images]
    for picture, image in zip(pictures, job.result.images, strict=True):
        picture.load()
        assert picture.size == (image.width, image.height)
    return job.result.info["html_info"], pictures


def png(mode: str = "RGBA", size: tuple[int, int] = (64, 64), **texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    out = io.BytesIO()
    shade = {"RGBA": (10, 120, 230, 128), "RGB": (10, 120, 230), "L": 90}[mode]
    Image.new(mode, size, shade).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def test_by_a_factor_as_recorded(app: Application) -> None:
    text, [picture] = outcome(app, run(app, [png()], upscaler_1="Lanczos", factor=2))
    assert text == "<p>Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos</p>"
    assert (picture.size, picture.mode) == ((128, 128), "RGBA")


def test_to_a_size_as_recorded(app: Application) -> None:
    text, [picture] = outcome(app, run(app, [png()], upscaler_1="Nearest", to_size=True, width=64, height=32))
    assert text == (
        "<p>Postprocess upscale to: 64x32, Postprocess crop to: 64x32, Postprocess upscaler: Nearest</p>"
    )
    assert (picture.size, picture.mode) == ((64, 32), "RGB")


def test_several_as_recorded(app: Application) -> None:
    job = run(app, [png(), png()], names=("a.png", "b.png"), upscaler_1="Nearest", factor=2)
    text, pictures = outcome(app, job)
    assert text == "<p>Postprocess upscale by: 2.0, Postprocess upscaler: Nearest</p>"
    assert [picture.size for picture in pictures] == [(128, 128)] * 2


def test_without_an_upscaler_nothing_is_resized(app: Application) -> None:
    text, [picture] = outcome(
        app, run(app, [png()], to_size=True, width=10, upscaler_2="Lanczos", upscaler_2_visibility=1)
    )
    assert text == "<p></p>"
    assert picture.size == (64, 64)


def test_without_crop_the_rest_stays(app: Application) -> None:
    job = run(app, [png()], upscaler_1="Nearest", to_size=True, width=128, height=32, crop=False)
    text, [picture] = outcome(app, job)
    assert text == "<p>Postprocess upscale to: 128x32, Postprocess upscaler: Nearest</p>"
    assert picture.size == (128, 128)


def test_what_misses_to_the_size_is_black(app: Application) -> None:
    """The upscaler reaches multiples of 8 only."""
    job = run(app, [png("RGB", (100, 100))], upscaler_1="Nearest", to_size=True, width=150, height=150)
    _, [picture] = outcome(app, job)
    values = np.asarray(picture)
    assert values.shape == (150, 150, 3)
    assert not values[:3].any()
    assert (values[3:147, 3:147] == (10, 120, 230)).all()


def test_two_upscalers_are_blended(app: Application) -> None:
    fields: dict[str, Any] = {"upscaler_2": "4x, white", "upscaler_2_visibility": 0.25, "factor": 2.5}
    text, [picture] = outcome(app, run(app, [png("RGB")], upscaler_1="Nearest", **fields))
    assert text == (
        "<p>Postprocess upscale by: 2.5, Postprocess upscaler: Nearest, "
        "Postprocess upscaler 2: &quot;4x, white&quot;</p>"
    )
    assert np.abs(np.asarray(picture).astype(int) - (71, 154, 236)).max() <= 1


def test_a_second_one_that_is_not_seen_is_not_asked(app: Application, upscalers: CountingUpscalers) -> None:
    run(app, [png()], upscaler_1="Nearest", upscaler_2="Lanczos")
    assert [name for name, _, _ in upscalers.asked] == ["Nearest"]


def test_tiles_follow_the_options_of_the_kind(app: Application, upscalers: CountingUpscalers) -> None:
    run(app, [png()], {"DAT_tile": 64, "DAT_tile_overlap": 2}, upscaler_1="4x, white")
    assert upscalers.asked == [("4x, white", Size(128, 128), Tiling(64, 2))]


def test_faces_are_mended_after_the_upscaler(tmp_path: Path, journal: JournalPlugin) -> None:
    for app in started(tmp_path, journal, faces=HalfFaces()):
        text, [picture] = outcome(
            app,
            run(
                app,
                [png("RGB")],
                upscaler_1="Nearest",
                gfpgan_visibility=1,
                codeformer_visibility=0.5,
                codeformer_weight=0.25,
            ),
        )
        assert text == (
            "<p>Postprocess upscale by: 2.0, Postprocess upscaler: Nearest, GFPGAN visibility: 1.0, "
            "CodeFormer visibility: 0.5, CodeFormer weight: 0.25</p>"
        )
        assert (np.asarray(picture) == 150).all()
        assert app.resources.face_restorers() == ("GFPGAN", "CodeFormer")


def test_faces_without_weights_stay_and_a_comment_says_so(app: Application) -> None:
    job = run(app, [png("RGB")], gfpgan_visibility=1, codeformer_visibility=1)
    text, [picture] = outcome(app, job)
    assert text == "<p></p>"
    assert (np.asarray(picture) == (10, 120, 230)).all()
    assert job.result is not None
    assert [comment.split()[0] for comment in job.result.comments] == ["GFPGAN", "CodeFormer"]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_every_mode_is_kept(app: Application, mode: str) -> None:
    _, [picture] = outcome(app, run(app, [png(mode)], upscaler_1="Lanczos"))
    assert picture.mode == mode


def test_the_texts_of_the_file_stay_and_one_is_added(app: Application) -> None:
    source = png(parameters="a cat\nSteps: 1", Software="somebody", postprocessing="old")
    job = run(app, [source], upscaler_1="Lanczos")
    _, [picture] = outcome(app, job)
    assert picture.info == {
        "parameters": "a cat\nSteps: 1",
        "Software": "somebody",
        "postprocessing": "Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos",
    }
    assert job.result is not None
    assert job.result.images[0].infotext == "a cat\nSteps: 1"


def test_no_texts_where_the_options_want_none(app: Application) -> None:
    job = run(app, [png(parameters="a cat")], {"enable_pnginfo": False}, upscaler_1="Lanczos")
    _, [picture] = outcome(app, job)
    assert picture.info == {}


def test_the_format_is_that_of_the_options(app: Application) -> None:
    job = run(app, [png(parameters="a cat")], {"samples_format": "jpg"}, upscaler_1="Lanczos")
    _, [picture] = outcome(app, job)
    assert picture.format == "JPEG"


def test_a_picture_too_long_for_the_format_is_a_png(app: Application) -> None:
    job = run(app, [png("RGB", (1, 16384))], {"samples_format": "webp"}, factor=1)
    assert job.result is not None
    assert (job.result.images[0].format, outcome(app, job)[1][0].format) == ("png", "PNG")


def test_extras_pass_the_runner_with_hooks_and_a_receipt(app: Application, journal: JournalPlugin) -> None:
    job = run(app, [png()], upscaler_1="Lanczos")
    assert job.state is JobState.SUCCEEDED
    assert job.result is not None
    assert journal.prepared == journal.finalized == [job.result.receipt.run_id]
    assert journal.failed == []
    assert job.frozen.model is None


class Repainter:
    """Changes the request, each picture, and what is said of it."""

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        assert draft.request.extras is not None
        draft.change(extras=replace(draft.request.extras, upscaler_1="Nearest"))

    @hookimpl
    def serena_image(self, draft: ImageDraft) -> None:
        draft.image = RasterImage(8, 8, "RGB", bytes(192))


def test_plugins_may_change_request_and_pictures(tmp_path: Path) -> None:
    for app in started(tmp_path, Repainter()):
        text, [picture] = outcome(app, run(app, [png()], upscaler_1="Lanczos"))
        assert text == "<p>Postprocess upscale by: 2.0, Postprocess upscaler: Nearest</p>"
        assert picture.size == (8, 8)


class KindChanger:
    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        draft.change(kind=Kind.TXT2IMG)


def test_a_plugin_cannot_change_the_kind(tmp_path: Path) -> None:
    for app in started(tmp_path, KindChanger()):
        with pytest.raises(InvalidValue, match="kind"):
            run(app, [png()], upscaler_1="Lanczos")


def test_an_interrupt_keeps_the_pictures_that_are_done(
    app: Application, upscalers: CountingUpscalers
) -> None:
    upscalers.stop_at = 2
    job = run(app, [png(), png(), png()], upscaler_1="Lanczos")
    _, pictures = outcome(app, job)
    assert len(pictures) == 2


def test_a_run_stopped_before_its_first_picture_has_none(
    app: Application, upscalers: CountingUpscalers
) -> None:
    upscalers.stop_at = 1
    job = run(app, [png()], upscaler_1="Lanczos")
    assert job.state is JobState.CANCELLED
    assert job.result is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"upscaler_1": "nope"}, "upscaler_1 is 'nope'; it must be one of None, Lanczos, Nearest"),
        ({"upscaler_1": "Lanczos", "upscaler_2": "no", "upscaler_2_visibility": 1}, "upscaler_2 is 'no'"),
        ({"factor": 0.0}, "upscaling_resize"),
        ({"factor": float("nan")}, "upscaling_resize"),
        ({"width": 0}, "upscaling_resize_w"),
        ({"height": -1}, "upscaling_resize_h"),
        ({"width": 100_000, "height": 100_000}, "upscaling_resize_w"),
        ({"gfpgan_visibility": 1.5}, "gfpgan_visibility"),
    ],
)
def test_what_is_wrong_is_refused_before_it_is_queued(
    app: Application, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue, match=field):
        app.images.submit(extras(app, [png()], **fields))
    assert not app.jobs.jobs()


def test_a_request_without_a_picture_is_refused(app: Application) -> None:
    for params in (None, ExtrasParams(images=())):
        with pytest.raises(InvalidValue, match="picture"):
            app.images.submit(GenerationRequest(kind=Kind.EXTRAS, extras=params))


@pytest.mark.parametrize("fields", [{"factor": 1e30}, {"factor": 100.0}])
def test_a_picture_that_would_be_too_large_is_refused(app: Application, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="at most"):
        run(app, [png()], upscaler_1="Lanczos", **fields)


def test_a_long_thin_picture_does_not_explode(app: Application) -> None:
    with pytest.raises(InvalidValue, match="at most"):
        run(app, [png("L", (1, 5000))], upscaler_1="Nearest", to_size=True, width=4000, height=8)


def test_it_survives_json(app: Application) -> None:
    request = extras(app, [png()], names=("a",), to_size=True, upscaler_1="Lanczos", codeformer_weight=0.5)
    assert from_plain(GenerationRequest, json.loads(json.dumps(to_plain(request)))) == request
    assert request.blobs() == (request.extras.images if request.extras else ())


def test_the_lists_name_what_there_is(app: Application) -> None:
    names = [upscaler.name for upscaler in app.resources.upscalers()]
    assert names == ["None", "Lanczos", "Nearest", "4x, white"]
    assert len(app.resources.latent_upscalers()) == 6
    assert app.resources.face_restorers() == ()


def test_extras_need_no_model(tmp_path: Path, journal: JournalPlugin) -> None:
    from adapters.models.catalog_fake import FakeModelCatalog

    for app in started(tmp_path, journal, models=FakeModelCatalog(())):
        job = run(app, [png()], upscaler_1="Lanczos")
        assert job.state is JobState.SUCCEEDED


class Drops:
    """A plugin that forgets that each picture has an infotext."""

    @hookimpl
    def serena_finalize(self, draft: ResultDraft) -> None:
        draft.images.clear()


def test_a_plugin_that_changes_the_number_of_pictures_alone_is_named(tmp_path: Path) -> None:
    for app in started(tmp_path, Drops()):
        with pytest.raises(PluginError, match=r"'plugin' failed .* 0 images and 1 infotexts"):
            run(app, [png()], upscaler_1="Lanczos")
