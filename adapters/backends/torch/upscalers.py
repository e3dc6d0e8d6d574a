"""Upscalers with weights on disk, behind torch. Importing this module imports neither torch nor spandrel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.domain.errors import BackendError, InvalidValue, ModelError
from core.domain.geometry import Size
from core.domain.image import RasterImage
from core.domain.nearest import offered
from core.domain.resources import UpscalerRef
from core.domain.upscaling import Tiling
from core.ports.driven import RunWatch

if TYPE_CHECKING:
    from adapters.backends.torch.networks import PictureNetwork

PACKAGES = ("torch", "spandrel", "torchvision")


class WeightFiles(Protocol):
    """The files that upscalers are made of."""

    def all(self) -> Sequence[UpscalerRef]: ...

    def location(self, upscaler: UpscalerRef) -> Path: ...

    def refresh(self) -> None: ...


class NetworkUpscalers:
    """``Upscalers`` of weights. The network used last stays loaded; another one takes its place.

    :param read: makes the network of a file; raises ``ModelError``.
    :param unavailable: why no network can be made here, or None; then none is listed.
    :param max_pixels: of the pictures that come out; on the way four times as many are allowed.
    """

    def __init__(
        self,
        files: WeightFiles,
        read: Callable[[Path], PictureNetwork],
        unavailable: Callable[[], str | None],
        max_pixels: int,
    ) -> None:
        self._files = files
        self._read = read
        self._unavailable = unavailable
        self._largest = 4 * max_pixels
        self._lock = threading.Lock()
        self._loaded: tuple[Path, PictureNetwork] | None = None

    def all(self) -> Sequence[UpscalerRef]:
        return self._files.all() if self._unavailable() is None else ()

    def upscale(
        self, name: str, image: RasterImage, size: Size, tiling: Tiling, watch: RunWatch
    ) -> RasterImage:
        known = {upscaler.name: upscaler for upscaler in self.all()}
        if name not in known:
            raise InvalidValue("upscaler", name, f"it must be one of {offered(name, known)}")
        watch.check()
        network = self._network(self._files.location(known[name]))
        from adapters.backends.torch.networks import enlarge, passes_to

        passes = passes_to(Size(*image.size), size, network.scale)
        widest = image.width * image.height * network.scale ** (2 * passes)
        if widest > self._largest:
            raise InvalidValue(
                f"the picture for {name}",
                f"{image.width}x{image.height}",
                f"on its way to {size.width}x{size.height} it would have {widest} pixels; "
                f"at most {self._largest} may be",
            )
        try:
            return enlarge(network, image, size, passes, tiling, watch)
        except MemoryError:
            raise BackendError(_out_of_memory(name, tiling)) from None
        except RuntimeError as error:
            if "memory" in str(error).lower():
                raise BackendError(_out_of_memory(name, tiling)) from None
            raise

    def refresh(self) -> None:
        self._files.refresh()

    def _network(self, path: Path) -> PictureNetwork:
        with self._lock:
            if self._loaded is None or self._loaded[0] != path:
                self._loaded = None
                self._loaded = path, self._read(path)
            return self._loaded[1]


def spandrel_reader(device: str) -> Callable[[Path], PictureNetwork]:
    """Reads weights with spandrel, which tells the architecture from them, onto ``device``."""

    def read(path: Path) -> PictureNetwork:
        try:
            from adapters.backends.torch.spandrel_files import read_network
        except Exception as error:  # torchvision fails with whatever its compiled part stumbles on
            raise ModelError(f"{path.name} cannot be used: {cannot_load(error)}") from error
        return read_network(path, device)

    return read


def missing_packages(*others: str) -> str | None:
    """What upscalers with weights lack here, or None. Imports nothing.

    :param others: further packages to look for.
    """
    missing = [name for name in (*PACKAGES, *others) if find_spec(name) is None]
    return f"{', '.join(missing)} not installed" if missing else None


def import_problem() -> str | None:
    """Why the extra ``upscale`` cannot be used, or None. Imports torch, spandrel and torchvision."""
    missing = missing_packages()
    if missing is not None:
        return missing
    try:
        import_module("adapters.backends.torch.spandrel_files")
    except Exception as error:
        return cannot_load(error)
    return None


def cannot_load(error: Exception) -> str:
    """Why spandrel did not load, in one sentence."""
    text = " ".join(str(error).split())[:200]
    return (
        f"spandrel does not load ({type(error).__name__}: {text}); "
        "torchvision must be the build that goes with torch"
    )


def _out_of_memory(name: str, tiling: Tiling) -> str:
    return f"out of memory while {name} enlarged tiles of {tiling.tile} pixels; set its tile option lower"
