from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adapters.settings import Settings
from core.domain.errors import BackendError, InvalidImage, InvalidRequest, UnknownSampler
from core.domain.request import Kind, MaskedContent, ResizeMode
from serena import Serena
from serena.api import Picture
from tests.unit.adapters.cli.fakes import FakeService, application, png


class Desk:
    """A Serena on a fake service, and what happened to it."""

    def __init__(self, service: FakeService, data_dir: Path) -> None:
        self.service = service
        self.events: list[str] = []
        settings = Settings(data_dir=data_dir)
        self.serena = Serena(application=application(service, settings, self.events))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(FakeService(), tmp_path)


def test_pictures_infotext_and_seeds(desk: Desk, tmp_path: Path) -> None:
    answer = desk.serena.txt2img("a cat", width=64, height=48, steps=3, seed=7, save_images=True)
    (image,) = answer.images
    assert isinstance(image, Image.Image)
    assert image.size == (64, 48)
    assert answer.infotext == answer.infotexts[0] == "a cat\nSteps: 3"
    assert answer.seeds == [7]
    assert answer.paths == [tmp_path / "outputs/job-1.png"]
    assert answer.result.receipt.backend == "fake"


def test_nothing_is_saved_unless_asked(desk: Desk) -> None:
    assert desk.serena.txt2img("a cat").paths == [None]


def test_lists_become_tuples(desk: Desk) -> None:
    desk.serena.txt2img("a cat", styles=["one"], script_args=[1])
    (request,) = desk.service.requests
    assert (request.styles, request.script_args) == (("one",), (1,))


def test_arguments_of_a_script_may_be_given_by_name(desk: Desk) -> None:
    desk.serena.txt2img("a cat", script_name="Ladder", script_args={"text": "up"})
    desk.serena.txt2img("a cat", script_args={"text": "up"})
    by_name, without = desk.service.requests
    assert by_name.script_args == (3, "up", ("left",))
    assert without.script_args == ()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"script_name": "ladder", "script_args": {"rings": 4}}, "rings"),
        ({"script_name": "stairs", "script_args": {"rungs": 4}}, "stairs"),
        ({"styles": "one"}, "styles"),
        ({"script_name": "ladder", "script_args": "up"}, "script_args"),
    ],
)
def test_what_is_no_list_and_no_argument_is_refused(desk: Desk, fields: Any, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        desk.serena.txt2img("a cat", **fields)
    assert not desk.service.requests


def test_it_starts_and_closes(desk: Desk) -> None:
    with desk.serena as serena:
        assert desk.events == ["start"]
        picture = serena.txt2img("a cat", width=8, height=8).images[0]
    assert desk.events == ["start", "settle", "close"]
    assert picture.getpixel((0, 0)) == (255, 0, 0)


def test_img2img_takes_pictures_paths_and_bytes(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "init.png"
    path.write_bytes(png(5, 5))
    pictures: list[Picture] = [Image.new("CMYK", (4, 4)), path, str(path), png(6, 6)]
    desk.serena.img2img("a cat", pictures, mask=Image.new("L", (4, 4)), denoising_strength=0.5)
    (request,) = desk.service.requests
    assert request.kind is Kind.IMG2IMG
    assert request.denoising_strength == 0.5
    assert request.init is not None
    sizes = [Image.open(BytesIO(desk.service.blobs[ref])).size for ref in request.blobs()]
    assert sizes == [(4, 4), (5, 5), (5, 5), (6, 6), (4, 4)]


def test_img2img_fields_have_the_names_of_the_api(desk: Desk) -> None:
    desk.serena.img2img(
        "a cat",
        png(),
        resize_mode=1,
        mask_blur=6,
        inpainting_fill=2,
        inpaint_full_res=False,
        inpaint_full_res_padding=9,
        inpainting_mask_invert=1,
    )
    init = desk.service.requests[0].init
    assert init is not None
    assert init.resize_mode is ResizeMode.CROP
    assert init.masked_content is MaskedContent.LATENT_NOISE
    assert (init.mask_blur_x, init.mask_blur_y, init.only_masked_padding) == (6, 6, 9)
    assert (init.only_masked, init.mask_invert) == (False, True)
    assert desk.service.requests[0].denoising_strength == 0.75


def test_wrong_input(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(InvalidImage, match="no picture"):
        desk.serena.img2img("a cat", b"nothing")
    with pytest.raises(InvalidImage, match="cannot read"):
        desk.serena.img2img("a cat", tmp_path / "none.png")
    with pytest.raises(InvalidRequest, match="9 is not a valid ResizeMode"):
        desk.serena.img2img("a cat", png(), resize_mode=9)
    with pytest.raises(UnknownSampler):
        desk.serena.txt2img("a cat", sampler_name="nope")
    with pytest.raises(TypeError, match="no_such_field"):
        desk.serena.txt2img("a cat", no_such_field=1)  # type: ignore[call-arg]


def test_a_failed_job_raises_its_error(tmp_path: Path) -> None:
    desk = Desk(FakeService(job_error=BackendError("out of memory")), tmp_path)
    with pytest.raises(BackendError, match="out of memory"):
        desk.serena.txt2img("a cat")


def test_ctrl_c_stops_the_job(tmp_path: Path) -> None:
    desk = Desk(FakeService(ctrl_c_after=0), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        desk.serena.txt2img("a cat")
    assert desk.service.interrupted == ["job-1"]
