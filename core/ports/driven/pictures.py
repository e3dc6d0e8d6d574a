"""What is done to finished pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.domain.geometry import Size
from core.domain.image import RasterImage
from core.domain.options import OptionValues
from core.domain.request import ResizeMode
from core.domain.resources import UpscalerRef
from core.domain.upscaling import Tiling
from core.ports.driven.backend import RunWatch


class ImageEditor(Protocol):
    """Pixel work. Every method returns a new picture."""

    def flatten(self, image: RasterImage, background: str) -> RasterImage:
        """RGB; transparency falls on ``background`` (``#rrggbb``)."""
        ...

    def resize(self, image: RasterImage, width: int, height: int, mode: ResizeMode) -> RasterImage:
        """Lanczos, in the reference's four ways. Keeps the mode (RGB or L)."""
        ...

    def crop(self, image: RasterImage, box: tuple[int, int, int, int]) -> RasterImage: ...

    def to_mask(self, image: RasterImage, round_alpha: bool) -> RasterImage:
        """L: the alpha channel of an RGBA picture that is not opaque, else its brightness."""
        ...

    def invert(self, mask: RasterImage) -> RasterImage: ...

    def blur(self, mask: RasterImage, sigma_x: int, sigma_y: int) -> RasterImage: ...

    def bounds(self, mask: RasterImage) -> tuple[int, int, int, int] | None:
        """The smallest box (left, top, right, bottom) that holds every pixel above zero; None if there is
        none."""
        ...

    def scale_values(self, mask: RasterImage, factor: int) -> RasterImage:
        """Every value times ``factor``, at most 255."""
        ...

    def fill_masked(self, image: RasterImage, mask: RasterImage) -> RasterImage:
        """The masked area filled with its blurred surroundings."""
        ...

    def overlay(
        self,
        image: RasterImage,
        original: RasterImage,
        mask: RasterImage,
        paste_to: tuple[int, int, int, int] | None,
    ) -> RasterImage:
        """``original`` with ``image`` shown where ``mask`` is white, blended where it is grey.

        Where the mask is 0 the pixels are those of ``original``, byte for byte.

        :param paste_to: (x, y, width, height) of the region that ``image`` covers; None: all of it.
        """
        ...

    def cut_out(
        self, image: RasterImage, mask: RasterImage, paste_to: tuple[int, int, int, int] | None
    ) -> RasterImage:
        """RGBA of the mask's size: ``image`` where ``mask`` is white, transparent black where it is black.

        :param paste_to: as in :meth:`overlay`.
        """
        ...

    def match_colors(self, image: RasterImage, reference: RasterImage) -> RasterImage:
        """``image`` with the colour histogram of ``reference``."""
        ...

    def blend(self, image: RasterImage, other: RasterImage, share: float) -> RasterImage:
        """``image`` with ``share`` (0 to 1) of ``other`` in every pixel. Of the same size."""
        ...

    def centre(self, image: RasterImage, width: int, height: int) -> RasterImage:
        """``image`` in the middle of an RGB canvas of that size, cut where it is larger, black where it is
        smaller."""
        ...

    def grid(
        self, images: Sequence[RasterImage], columns: int, rows: int, background: str
    ) -> RasterImage: ...


class Upscalers(Protocol):
    """Enlarges pictures that exist."""

    def all(self) -> Sequence[UpscalerRef]:
        """Those that can be used, in the order they are listed to users."""
        ...

    def upscale(
        self, name: str, image: RasterImage, size: Size, tiling: Tiling, watch: RunWatch
    ) -> RasterImage:
        """``image`` at exactly ``size``. Transparency stays.

        One call is one pass of ``watch``, whose steps are tiles. ``Interrupted`` from ``watch.check`` goes
        through. Raises ``InvalidValue`` for a name that is not listed, ``ModelError`` for weights that cannot
        be used, ``BackendError`` when memory runs out.
        """
        ...

    def refresh(self) -> None:
        """Look at the disk again."""
        ...


class FaceRestorers(Protocol):
    """Mends faces."""

    def names(self) -> Sequence[str]:
        """Those whose weights are here, of ``CodeFormer`` and ``GFPGAN``."""
        ...

    def restore(self, name: str, image: RasterImage, weight: float, watch: RunWatch) -> RasterImage:
        """``image`` with its faces mended; the same size and mode. One call is one pass of ``watch``.

        :param weight: of CodeFormer: 0 changes most, 1 keeps closest to the picture.
        """
        ...


class Interrogators(Protocol):
    """Describes pictures in words."""

    def names(self) -> Sequence[str]:
        """Those that are known, whether their weights are here or not."""
        ...

    def missing(self, name: str) -> str | None:
        """What must be put where before ``name`` can be used; None when it can."""
        ...

    def describe(self, name: str, image: RasterImage, options: OptionValues, watch: RunWatch) -> str:
        """A caption of an RGB picture. Raises ``ModelError`` for weights that cannot be used."""
        ...
