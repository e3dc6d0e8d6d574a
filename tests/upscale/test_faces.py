"""A GFPGAN of random weights and OpenCV's cascades, from files in a webui's folders to a mended picture."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from adapters.application import Application
from adapters.backends.torch.faces import (
    NetworkFaceRestorers,
    face_reader,
    missing_for_faces,
    opencv_finder,
)
from adapters.bootstrap import bootstrap
from adapters.models.face_files import FaceFiles
from adapters.settings import load_settings
from contracts.face_restorers import FaceRestorersContract
from contracts.opened import PATIENCE
from core.domain.errors import ModelError
from core.domain.image import ImageMode, RasterImage
from core.domain.request import ExtrasParams, GenerationRequest, Kind
from core.ports.driven import FaceRestorers
from tests.upscale.drawn_face import EYES, drawn_face

pytestmark = pytest.mark.upscale
TWO = [(160, 200, 1.0), (460, 200, 0.8)]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with a GFPGAN, whose size is fixed: 170 MB in half precision."""
    from safetensors.torch import save_file
    from spandrel.architectures.GFPGAN import GFPGAN

    folder = tmp_path_factory.mktemp("models") / "GFPGAN"
    folder.mkdir()
    torch.manual_seed(0)
    weights = GFPGAN().state_dict()
    save_file({key: value.half() for key, value in weights.items()}, folder / "GFPGANv1.4.safetensors")
    (folder / "GFPGANv1.5.pth").write_bytes(b"pickle")
    return folder.parent


def picture(image: RasterImage) -> Image.Image:
    return Image.frombytes(image.mode, image.size, image.pixels)


def negative(name: str, path: Path):  # type: ignore[no-untyped-def]
    def network(pixels: Tensor, weight: float) -> Tensor:
        return 1.0 - pixels

    return network


class TestFoundFaces(FaceRestorersContract):
    """With a network that takes no time, but with faces that are really found."""

    @pytest.fixture(autouse=True)
    def _models(self, models: Path) -> None:
        self._root = models

    def make(self) -> FaceRestorers:
        return NetworkFaceRestorers(FaceFiles(self._root), negative, opencv_finder, missing_for_faces)

    def faces(self, mode: ImageMode) -> RasterImage:
        converted = picture(drawn_face(640, 400, TWO)).convert(mode)
        return RasterImage(640, 400, mode, converted.tobytes())


@pytest.mark.parametrize(
    ("size", "places"),
    [
        ((400, 400), [(200, 200, 1.0)]),
        ((640, 400), TWO),
        ((256, 256), [(128, 128, 0.5)]),
        ((1600, 1600), [(800, 800, 4.0)]),
        ((256, 256), []),
    ],
)
def test_the_cascades_find_drawn_faces(
    size: tuple[int, int], places: Sequence[tuple[int, int, float]]
) -> None:
    from adapters.backends.torch.face_finding import HaarFaces

    found = HaarFaces()(picture(drawn_face(*size, list(places))))
    assert len(found) == len(places)
    for eyes, (x, y, scale) in zip(found, places, strict=True):
        expected = [(x + ex * scale, y + ey * scale) for ex, ey in EYES]
        assert all(math.dist(eye, other) < 12 * scale for eye, other in zip(eyes, expected, strict=True))


def test_yunets_rows_are_landmarks_the_largest_face_first() -> None:
    from adapters.backends.torch.face_finding import landmarks_of

    small = [0, 0, 10, 10, *range(10), 0.9]
    large = [0, 0, 20, 20, *range(10, 20), 0.8]
    assert landmarks_of([small, large], 2.0) == [
        [(20, 22), (24, 26), (28, 30), (32, 34), (36, 38)],
        [(0, 2), (4, 6), (8, 10), (12, 14), (16, 18)],
    ]


def test_an_onnx_file_that_is_no_yunet_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "face_detection_yunet.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"face_detection_yunet\.onnx is no YuNet face detector"):
        opencv_finder(path)


def test_a_face_restorer_is_no_upscaler_and_no_other_restorer(models: Path) -> None:
    from adapters.backends.torch.spandrel_files import read_network

    path = models / "GFPGAN" / "GFPGANv1.4.safetensors"
    with pytest.raises(ModelError, match="enlarges no picture"):
        read_network(path, "cpu")
    with pytest.raises(ModelError, match="is a GFPGAN, no CodeFormer"):
        face_reader("cpu")("CodeFormer", path)


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


def test_extras_mend_a_face_with_gfpgan(app: Application) -> None:
    """The face changes, the corners stay, and it does so alike twice."""
    assert app.resources.face_restorers() == ("GFPGAN",)
    out = io.BytesIO()
    picture(drawn_face(256, 256, [(128, 128, 0.5)])).save(out, "PNG")
    before = np.asarray(picture(drawn_face(256, 256, [(128, 128, 0.5)])))
    drawn = []
    for _ in range(2):
        params = ExtrasParams(images=(app.images.put_image(out.getvalue()),), gfpgan_visibility=1)
        job = app.images.wait(app.images.submit(GenerationRequest(kind=Kind.EXTRAS, extras=params)), PATIENCE)
        assert job.result is not None, job.error
        assert job.result.info["html_info"] == "<p>GFPGAN visibility: 1.0</p>"
        drawn.append(np.asarray(Image.open(io.BytesIO(app.images.image(job.result.images[0].blob)))))
    assert np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0][:20, :20], before[:20, :20])
    assert not np.array_equal(drawn[0][128, 128], before[128, 128])
