"""Pictures as plain bytes, so that the core needs no image library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType

BlobRef = NewType("BlobRef", str)
"""Name of some bytes in the blob store: the hex sha256 of the content."""

ImageMode = Literal["RGB", "RGBA", "L"]
ImageFormat = Literal["png", "jpg", "jpeg", "webp", "avif"]

CHANNELS: dict[ImageMode, int] = {"RGB": 3, "RGBA": 4, "L": 1}


@dataclass(frozen=True, slots=True)
class RasterImage:
    """Rows from the top, pixels from the left, 8 bits a channel, no padding.

    :param mode: ``RGB``, ``RGBA`` (straight alpha) or ``L``.
    :param pixels: ``width * height * channels`` bytes.
    """

    width: int
    height: int
    mode: ImageMode
    pixels: bytes

    def __post_init__(self) -> None:
        expected = self.width * self.height * CHANNELS[self.mode]
        if len(self.pixels) != expected:
            raise ValueError(
                f"{self.mode} {self.width}x{self.height} takes {expected} bytes, not {len(self.pixels)}"
            )

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height
