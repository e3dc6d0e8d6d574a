"""Face restorers with a drawn network and faces that are told: neither spandrel nor OpenCV is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from adapters.backends.torch.face_networks import FaceNetwork
from adapters.backends.torch.face_pictures import cut_out, put_back
from adapters.backends.torch.faces import (
    NetworkFaceRestorers,
    face_reader,
    missing_for_faces,
    opencv_finder,
)
from adapters.backends.torch.upscalers import missing_packages
from contracts.face_restorers import FaceRestorersContract
from contracts.upscalers import NotingWatch, smooth
from core.domain.errors import BackendError, ModelError
from core.domain.faces import TEMPLATE, Point, Similarity, alignment
from core.domain.image import ImageMode, RasterImage
from core.ports.driven import FaceRestorers

SIZE = (320, 200)


def negative(pixels: Tensor, weight: float) -> Tensor:
    return 1.0 - pixels


def two_faces(picture: Image.Image) -> Sequence[Sequence[Point]]:
    """By the template, in the left and the right half of pictures of one size."""
    if picture.size != SIZE:
        return []
    places = [Similarity(complex(0.25), 10 + 20j), Similarity(0.25 + 0.05j, 170 + 20j)]
    return [[place.apply(point) for point in TEMPLATE] for place in places]


@dataclass
class Files:
    found: Mapping[str, Path]
    onnx: Path | None = None

    def weights(self) -> Mapping[str, Path]:
        return self.found

    def detector(self) -> Path | None:
        return self.onnx


BOTH = {"CodeFormer": Path("c.safetensors"), "GFPGAN": Path("g.safetensors")}


@dataclass
class Shop:
    """Makes restorers and notes what they ask for."""

    files: Files = field(default_factory=lambda: Files(BOTH))
    network: FaceNetwork = negative
    lacking: Mapping[str, str] = field(default_factory=dict)
    read: list[str] = field(default_factory=list)
    looked: list[Path | None] = field(default_factory=list)

    def make(self) -> NetworkFaceRestorers:
        return NetworkFaceRestorers(self.files, self._read, self._finder, self.lacking.get)

    def _read(self, name: str, path: Path) -> FaceNetwork:
        self.read.append(name)
        return self.network

    def _finder(self, path: Path | None):  # type: ignore[no-untyped-def]
        self.looked.append(path)
        return two_faces


class TestNetworkFaceRestorers(FaceRestorersContract):
    def make(self) -> FaceRestorers:
        return Shop().make()

    def faces(self, mode: ImageMode) -> RasterImage:
        return smooth(mode, *SIZE)


def test_only_those_that_can_run_are_listed() -> None:
    assert Shop(lacking={"CodeFormer": "no architecture"}).make().names() == ("GFPGAN",)
    assert Shop(files=Files({})).make().names() == ()


def test_the_last_network_and_the_detector_stay_loaded() -> None:
    shop = Shop()
    restorers = shop.make()
    for name in ("GFPGAN", "GFPGAN", "CodeFormer", "GFPGAN"):
        restorers.restore(name, smooth("RGB", *SIZE), 0.5, NotingWatch())
    assert shop.read == ["GFPGAN", "CodeFormer", "GFPGAN"]
    assert shop.looked == [None]
    shop.files.onnx = Path("face_detection_yunet.onnx")
    restorers.restore("GFPGAN", smooth("RGB", *SIZE), 0.5, NotingWatch())
    assert shop.looked == [None, shop.files.onnx]


def test_the_weight_is_handed_on() -> None:
    weights = []

    def noting(pixels: Tensor, weight: float) -> Tensor:
        weights.append(weight)
        return pixels

    Shop(network=noting).make().restore("CodeFormer", smooth("RGB", *SIZE), 0.25, NotingWatch())
    assert weights == [0.25, 0.25]


def test_a_network_that_changes_nothing_leaves_the_picture_nearly_as_it_was() -> None:
    image = smooth("RGB", *SIZE)
    mended = Shop(network=lambda pixels, weight: pixels).make().restore("GFPGAN", image, 0.5, NotingWatch())
    difference = np.abs(
        np.frombuffer(mended.pixels, np.uint8).astype(int) - np.frombuffer(image.pixels, np.uint8)
    )
    assert difference.max() <= 4


def test_running_out_of_memory_is_one_sentence_and_other_errors_stay() -> None:
    def greedy(pixels: Tensor, weight: float) -> Tensor:
        raise RuntimeError("CUDA out of memory")

    def broken(pixels: Tensor, weight: float) -> Tensor:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(BackendError, match="out of memory while GFPGAN"):
        Shop(network=greedy).make().restore("GFPGAN", smooth("RGB", *SIZE), 0.5, NotingWatch())
    with pytest.raises(RuntimeError, match="shapes"):
        Shop(network=broken).make().restore("GFPGAN", smooth("RGB", *SIZE), 0.5, NotingWatch())


def marked(scale: float) -> tuple[Image.Image, Similarity]:
    """A grey picture with a red square where a face of that scale has its nose."""
    place = alignment([Similarity(complex(scale), 30 + 20j).apply(point) for point in TEMPLATE])
    side = int(600 * scale) + 60
    picture = Image.new("RGB", (side, side), (90, 90, 90))
    x, y = place.inverse().apply(TEMPLATE[2])
    half = 20 * scale
    picture.paste((255, 0, 0), (round(x - half), round(y - half), round(x + half), round(y + half)))
    return picture, place


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_a_face_is_cut_out_at_the_place_of_the_template(scale: float) -> None:
    picture, place = marked(scale)
    face = np.asarray(cut_out(picture, place)).astype(int)
    ys, xs = np.nonzero(face[:, :, 0] - face[:, :, 1] > 80)
    assert abs(xs.mean() - TEMPLATE[2][0]) < 4
    assert abs(ys.mean() - TEMPLATE[2][1]) < 4


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_a_face_goes_back_where_it_was_with_a_soft_edge(scale: float) -> None:
    picture, place = marked(scale)
    before = np.asarray(picture).astype(int)
    put_back(picture, Image.new("RGB", (512, 512), (90, 200, 90)), place)
    after = np.asarray(picture).astype(int)
    x, y = (round(value) for value in place.inverse().apply((256, 256)))
    assert tuple(after[y, x]) == (90, 200, 90)
    left, top = (round(value) for value in place.inverse().apply((2, 2)))
    assert np.abs(after[: max(1, top)] - before[: max(1, top)]).max() <= 1
    assert np.abs(after[:, : max(1, left)] - before[:, : max(1, left)]).max() <= 1
    jumps = np.abs(np.diff(after[y, :, 1]))
    assert jumps.max() <= 60 if scale < 1 else jumps.max() <= 12


def test_a_face_outside_of_the_picture_changes_nothing() -> None:
    picture = Image.new("RGB", (40, 30), (1, 2, 3))
    place = Similarity(1 + 0j, -2000 + 0j)
    assert cut_out(picture, place).getextrema() == ((135, 135), (133, 133), (132, 132))
    put_back(picture, Image.new("RGB", (512, 512), (255, 255, 255)), place)
    assert picture.getextrema() == ((1, 1), (2, 2), (3, 3))


def test_without_its_packages_nothing_is_offered_and_each_error_is_one_sentence() -> None:
    """``make test`` runs without the extra upscale; an installation may have it."""
    missing = missing_for_faces("GFPGAN") or ""
    assert missing in ("", f"{missing.removesuffix(' not installed')} not installed")
    with pytest.raises(ModelError, match="OpenCV does not load" if "cv2" in missing else "no YuNet"):
        opencv_finder(Path("no_such.onnx"))
    with pytest.raises(ModelError, match=r"g\.safetensors "):
        face_reader("cpu")("GFPGAN", Path("g.safetensors"))


def test_codeformer_needs_what_does_not_come_with_serena() -> None:
    lacking = missing_packages("cv2", "spandrel_extra_arches")
    assert (missing_for_faces("CodeFormer") is None) == (lacking is None)
