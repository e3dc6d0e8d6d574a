"""Face restorers with weights on disk. Importing this module imports no torch, spandrel or OpenCV."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from adapters.backends.torch.upscalers import cannot_load, missing_packages
from core.domain.errors import BackendError, InvalidValue, ModelError
from core.domain.faces import Point, alignment
from core.domain.image import RasterImage
from core.domain.nearest import offered
from core.ports.driven import RunWatch

if TYPE_CHECKING:
    from PIL import Image

    from adapters.backends.torch.face_networks import FaceNetwork

CODEFORMER = "CodeFormer"
EXTRA_ARCHITECTURES = "spandrel_extra_arches"

FindFaces = Callable[["Image.Image"], Sequence[Sequence[Point]]]
"""The landmarks of each face of an RGB picture: two eyes, or eyes, nose and corners of the mouth."""


class FaceWeights(Protocol):
    """The files of face restorers. Each call looks again."""

    def weights(self) -> Mapping[str, Path]: ...

    def detector(self) -> Path | None: ...


class NetworkFaceRestorers:
    """``FaceRestorers`` of weights. The network used last stays loaded; another one takes its place.

    :param read: makes the network of a restorer's file; raises ``ModelError``.
    :param finder: makes what finds faces, of a detector's file or of none; raises ``ModelError``.
    :param missing: what a restorer lacks here, or None; then it is listed if it has weights.
    """

    def __init__(
        self,
        files: FaceWeights,
        read: Callable[[str, Path], FaceNetwork],
        finder: Callable[[Path | None], FindFaces],
        missing: Callable[[str], str | None],
    ) -> None:
        self._files = files
        self._read = read
        self._finder = finder
        self._missing = missing
        self._lock = threading.Lock()
        self._loaded: tuple[Path, FaceNetwork] | None = None
        self._finding: tuple[Path | None, FindFaces] | None = None

    def names(self) -> Sequence[str]:
        return tuple(self._usable())

    def restore(self, name: str, image: RasterImage, weight: float, watch: RunWatch) -> RasterImage:
        usable = self._usable()
        if name not in usable:
            raise InvalidValue("face restorer", name, f"it must be one of {offered(name, usable) or 'none'}")
        watch.check()
        from adapters.backends.torch.face_networks import mended

        places = [alignment(face) for face in self._faces_of(image)]
        watch.begin_pass(max(1, len(places)))
        if not places:
            watch.step(1)
            return image
        network = self._network(name, usable[name])
        try:
            return mended(network, image, places, weight, watch)
        except RuntimeError as error:
            if "memory" not in str(error).lower():
                raise
            raise BackendError(f"out of memory while {name} mended a face") from None

    def _usable(self) -> Mapping[str, Path]:
        return {name: path for name, path in self._files.weights().items() if self._missing(name) is None}

    def _faces_of(self, image: RasterImage) -> Sequence[Sequence[Point]]:
        from PIL import Image

        picture = Image.frombytes(image.mode, image.size, image.pixels).convert("RGB")
        path = self._files.detector()
        with self._lock:
            if self._finding is None or self._finding[0] != path:
                self._finding = path, self._finder(path)
            find = self._finding[1]
        return find(picture)

    def _network(self, name: str, path: Path) -> FaceNetwork:
        with self._lock:
            if self._loaded is None or self._loaded[0] != path:
                self._loaded = None
                self._loaded = path, self._read(name, path)
            return self._loaded[1]


def opencv_finder(path: Path | None) -> FindFaces:
    """YuNet where its file is there, else the cascades that come with OpenCV."""
    try:
        from adapters.backends.torch.face_finding import HaarFaces, YuNetFaces
    except ImportError as error:
        raise ModelError(f"no face can be found: OpenCV does not load ({error})") from error
    return HaarFaces() if path is None else YuNetFaces(path)


def face_reader(device: str) -> Callable[[str, Path], FaceNetwork]:
    """Reads weights with spandrel onto ``device``."""

    def read(name: str, path: Path) -> FaceNetwork:
        try:
            from adapters.backends.torch.spandrel_files import read_face_network
        except Exception as error:  # torchvision fails with whatever its compiled part stumbles on
            raise ModelError(f"{path.name} cannot be used: {cannot_load(error)}") from error
        return read_face_network(name, path, device)

    return read


def missing_for_faces(name: str) -> str | None:
    """What the restorer ``name`` lacks here, or None. Imports nothing."""
    missing = missing_packages("cv2")
    if missing is None and name == CODEFORMER and missing_packages(EXTRA_ARCHITECTURES):
        return (
            f"{EXTRA_ARCHITECTURES} is not installed; it does not come with Serena, because the licence of "
            "CodeFormer's network allows no commercial use"
        )
    return missing
