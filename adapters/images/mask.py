"""What becomes a mask, and what is done to one."""

from __future__ import annotations

import numpy as np
from PIL import Image

from adapters.images.blur import blur as blur_axis

_ROUND_ABOVE = 128


def to_mask(picture: Image.Image, round_alpha: bool) -> Image.Image:
    if picture.mode == "RGBA":
        alpha = picture.getchannel("A")
        if alpha.getextrema() != (255, 255):
            return alpha.point(lambda value: 255 if value > _ROUND_ABOVE else 0) if round_alpha else alpha
    return picture.convert("L")


def blur(mask: Image.Image, sigma_x: int, sigma_y: int) -> Image.Image:
    """First along the rows, then along the columns, each rounded to whole numbers."""
    pixels = blur_axis(np.asarray(mask, np.uint8), sigma_x, axis=1)
    return Image.fromarray(blur_axis(pixels, sigma_y, axis=0))


def scale_values(mask: Image.Image, factor: int) -> Image.Image:
    return mask.point([max(0, min(255, value * factor)) for value in range(256)])
