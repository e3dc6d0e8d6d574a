"""A large picture in tiles that overlap, each a picture that can be drawn, and the tiles in one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from core.domain.image import CHANNELS, RasterImage
from core.domain.upscaling import CELL, Tiling, tile_starts, tile_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture: where it is, and its size."""

    left: int
    top: int
    width: int
    height: int

    def is_in(self, part: Tile) -> bool:
        return (
            part.left <= self.left
            and part.top <= self.top
            and self.left + self.width <= part.left + part.width
            and self.top + self.height <= part.top + part.height
        )


class TiledPicture:
    """A picture and its tiles, row by row, all of one size.

    :ivar count: how many there are. They are made when they are asked for: small ones are a great many.
    :ivar draw_size: what a tile is drawn at; with sides that a latent has, so at most 7 pixels from its own.
    """

    def __init__(self, width: int, height: int, tile: tuple[int, int], overlap: int) -> None:
        self._columns = _Row(width, tile[0], overlap)
        self._rows = _Row(height, tile[1], overlap)
        self.draw_size = _drawn(self._columns.tile), _drawn(self._rows.tile)
        self.count = len(self._rows.starts) * len(self._columns.starts)

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        return tuple(
            Tile(left, top, self._columns.tile, self._rows.tile)
            for top in self._rows.starts
            for left in self._columns.starts
        )

    def within(self, part: Tile) -> int:
        """How many of the tiles lie in a part of the picture."""
        across = self._columns.within(part.left, part.left + part.width)
        return across * self._rows.within(part.top, part.top + part.height)

    def combined(self, background: RasterImage, drawn: Mapping[Tile, RasterImage]) -> RasterImage:
        """The tiles that were drawn over ``background``, each faded into its neighbours. A tile that is
        missing shows the background."""
        import numpy as np

        under = pixels_of(background).astype(np.float32)
        whole = np.zeros_like(under)
        for index, tile in enumerate(self.tiles):
            row, column = divmod(index, len(self._columns.starts))
            share = np.outer(self._rows.weights[row], self._columns.weights[column])[:, :, None]
            part = slice(tile.top, tile.top + tile.height), slice(tile.left, tile.left + tile.width)
            picture = under[part] if tile not in drawn else pixels_of(resized(drawn[tile], tile))
            whole[part] += picture * share.astype(np.float32)
        return picture_of(np.clip(np.rint(whole), 0, 255).astype(np.uint8))


class _Row:
    """The tiles along one side."""

    def __init__(self, length: int, tile: int, overlap: int) -> None:
        self.tile = min(_drawn(tile), length)
        self.starts = tile_starts(length, Tiling(self.tile, overlap))
        self._length = length

    @cached_property
    def weights(self) -> Sequence[Sequence[float]]:
        return tile_weights(self._length, self.starts, self.tile)

    def within(self, first: int, last: int) -> int:
        return sum(first <= start and start + self.tile <= last for start in self.starts)


def _drawn(side: int) -> int:
    return max(CELL, side // CELL * CELL)


def cut(image: RasterImage, tile: Tile) -> RasterImage:
    part = pixels_of(image)[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
    return picture_of(part)


def resized(image: RasterImage, tile: Tile) -> RasterImage:
    """``image`` at the size of a tile, RGB."""
    size = tile.width, tile.height
    if image.size == size and image.mode == "RGB":
        return image
    from PIL import Image

    picture = Image.frombytes(image.mode, image.size, image.pixels).convert("RGB")
    return RasterImage(*size, "RGB", picture.resize(size).tobytes())


def pixels_of(image: RasterImage) -> NDArray[Any]:
    """Rows, columns and channels."""
    import numpy as np

    flat = np.frombuffer(image.pixels, np.uint8)
    return flat.reshape(image.height, image.width, CHANNELS[image.mode])


def picture_of(pixels: NDArray[Any]) -> RasterImage:
    """RGB or L, by the number of channels."""
    height, width, channels = pixels.shape
    return RasterImage(width, height, "RGB" if channels == 3 else "L", pixels.tobytes())
