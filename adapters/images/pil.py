"""Between ``RasterImage`` and Pillow. Imports Pillow: load it on first use only."""

from __future__ import annotations

from typing import cast, get_args

from PIL import Image

from core.domain.image import ImageMode, RasterImage


def to_pil(image: RasterImage) -> Image.Image:
    return Image.frombytes(image.mode, image.size, image.pixels)


def from_pil(picture: Image.Image) -> RasterImage:
    """``picture`` must have one of the three modes."""
    if picture.mode not in get_args(ImageMode):
        raise ValueError(f"mode {picture.mode} is none of {get_args(ImageMode)}")
    return RasterImage(picture.width, picture.height, cast(ImageMode, picture.mode), picture.tobytes())
