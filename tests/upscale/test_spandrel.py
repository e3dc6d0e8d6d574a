"""A tiny ESRGAN with random weights, from a file in a webui's folder to a picture out of the job service."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from adapters.application import Application
from adapters.backends.torch.upscalers import (
    NetworkUpscalers,
    import_problem,
    missing_packages,
    spandrel_reader,
)
from adapters.bootstrap import bootstrap
from adapters.models.upscaler_files import UpscalerFiles
from adapters.settings import load_settings
from contracts.opened import PATIENCE
from contracts.upscalers import NotingWatch, UpscalersContract, smooth
from core.domain.errors import ModelError
from core.domain.geometry import Size
from core.domain.request import ExtrasParams, GenerationRequest, HiresParams, Kind
from core.domain.upscaling import Tiling
from core.ports.driven import Upscalers

pytestmark = pytest.mark.upscale
PIXELS = 4096 * 4096


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a working ESRGAN of less than a megabyte, a stranger and a pickle."""
    from safetensors.torch import save_file
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

    root = tmp_path_factory.mktemp("models")
    folder = root / "ESRGAN"
    folder.mkdir()
    torch.manual_seed(0)
    network = RRDBNet(in_nc=3, out_nc=3, num_filters=4, num_blocks=1, scale=2)
    save_file(network.state_dict(), folder / "tiny_2x.safetensors")
    save_file({"stranger": torch.zeros(3)}, folder / "stranger.safetensors")
    torch.save(network.state_dict(), folder / "tiny.pth")
    assert (folder / "tiny_2x.safetensors").stat().st_size < 1_000_000
    return root


def upscalers(models: Path) -> NetworkUpscalers:
    return NetworkUpscalers(UpscalerFiles(models), spandrel_reader("cpu"), missing_packages, PIXELS)


class TestSpandrelUpscalers(UpscalersContract):
    tolerance = 255  # random weights keep no colour

    @pytest.fixture(autouse=True)
    def _folder(self, models: Path, tmp_path: Path) -> None:
        (tmp_path / "ESRGAN").mkdir()
        source = models / "ESRGAN" / "tiny_2x.safetensors"
        (tmp_path / "ESRGAN" / source.name).write_bytes(source.read_bytes())
        self._models = tmp_path

    def make(self) -> Upscalers:
        return upscalers(self._models)


def test_the_extra_can_be_used() -> None:
    assert missing_packages() is None
    assert import_problem() is None


def test_tiles_with_enough_overlap_give_the_whole_picture(models: Path) -> None:
    """The receptive field of a tiny network is small; where tiles overlap by more, they agree."""
    image = smooth("RGB", 96, 64)
    whole, tiled = (
        upscalers(models).upscale("tiny_2x", image, Size(192, 128), tiling, NotingWatch())
        for tiling in (Tiling(0, 0), Tiling(64, 48))
    )
    differences = [abs(a - b) for a, b in zip(whole.pixels, tiled.pixels, strict=True)]
    assert max(differences) <= 2


def test_a_file_of_no_known_kind_is_one_sentence(models: Path) -> None:
    with pytest.raises(ModelError, match=r"stranger\.safetensors is of no architecture"):
        upscalers(models).upscale("stranger", smooth("RGB"), Size(80, 48), Tiling(), NotingWatch())


def test_a_pickle_is_not_even_listed(models: Path) -> None:
    files = UpscalerFiles(models)
    assert "tiny" not in [ref.name for ref in files.all()]
    assert [problem.name for problem in files.problems()] == ["ESRGAN/tiny.pth"]
    with pytest.raises(ModelError, match="no safetensors"):
        spandrel_reader("cpu")(models / "ESRGAN" / "tiny.pth")


@pytest.fixture
def app(models: Path, tmp_path: Path) -> Iterator[Application]:
    settings = load_settings(
        data_dir=tmp_path, models={"dir": models}, backend={"name": "torch", "device": "cpu", "threads": 1}
    )
    app = bootstrap(settings)
    app.start()
    try:
        yield app
    finally:
        app.close()


def test_extras_through_the_job_service(app: Application) -> None:
    assert "tiny_2x" in [upscaler.name for upscaler in app.resources.upscalers()]
    out = io.BytesIO()
    Image.new("RGB", (48, 32), "teal").save(out, "PNG")
    params = ExtrasParams(images=(app.images.put_image(out.getvalue()),), upscaler_1="tiny_2x", factor=3)
    job = app.images.wait(app.images.submit(GenerationRequest(kind=Kind.EXTRAS, extras=params)), PATIENCE)
    assert job.result is not None
    assert job.result.info["html_info"] == "<p>Postprocess upscale by: 3.0, Postprocess upscaler: tiny_2x</p>"
    assert (job.result.images[0].width, job.result.images[0].height) == (144, 96)


def test_hires_fix_uses_it_too(app: Application) -> None:
    request = GenerationRequest(
        prompt="a red circle",
        seed=5,
        width=64,
        height=64,
        steps=2,
        denoising_strength=0.5,
        hires=HiresParams(upscaler="tiny_2x", second_pass_steps=2),
    )
    job = app.images.wait(app.images.submit(request), PATIENCE)
    assert job.result is not None
    assert (job.result.images[0].width, job.result.images[0].height) == (128, 128)
