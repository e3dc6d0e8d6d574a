"""Between pictures and arrays, and what a mask keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from adapters.backends.onnx.arrays import Floats
from adapters.backends.onnx.noise import BatchNoise
from adapters.backends.onnx.resizing import resized
from core.domain.image import RasterImage
from core.domain.request import MaskedContent
from core.prepared import InitPictures

CELL = 8
"""Pixels along a side of one latent cell."""


@dataclass(frozen=True, slots=True)
class MaskBlend:
    """Keeps the unmasked part of the init latent.

    :param mask: (1, 1, rows, columns), 1 = paint anew.
    """

    original: Floats
    mask: Floats

    def keep(self, x: Floats) -> Floats:
        return x * self.mask + self.original * (1.0 - self.mask)


def pixels_of(images: Sequence[RasterImage]) -> Floats:
    """RGB pictures as (images, 3, height, width) in 0..1."""
    rows = [np.frombuffer(one.pixels, np.uint8).reshape(one.height, one.width, 3) for one in images]
    return np.stack([np.moveaxis(row, 2, 0) for row in rows]).astype(np.float32) / 255.0


def rasters_of(pixels: Floats) -> list[RasterImage]:
    """The way back, cut (not rounded) to 8 bits."""
    rows = (np.moveaxis(pixels, 1, 3) * 255.0).astype(np.uint8)
    return [RasterImage(row.shape[1], row.shape[0], "RGB", row.tobytes()) for row in rows]


def latent_mask(mask: RasterImage, rows: int, columns: int, rounded: bool) -> Floats:
    """An L picture as (1, 1, rows, columns); 1 = paint anew."""
    picture = Image.frombytes("L", mask.size, mask.pixels).convert("RGB").resize((columns, rows))
    values = np.asarray(picture, dtype=np.float32)[None, None, :, :, 0] / 255.0
    return np.around(values) if rounded else values


def init_latent(
    init: InitPictures, encoded: Floats, noise: BatchNoise, rows: int, columns: int
) -> tuple[Floats, MaskBlend | None]:
    """The latent that img2img starts from, not noised yet, and the blend of a masked run."""
    if encoded.shape[2:] != (rows, columns):
        encoded = resized(encoded, rows, columns)
    if len(encoded) == 1:
        encoded = encoded.repeat(noise.images, axis=0)
    if init.mask is None:
        return encoded, None
    mask = latent_mask(init.mask, rows, columns, init.mask_round)
    if init.masked_content is MaskedContent.LATENT_NOISE:
        encoded = encoded * (1.0 - mask) + noise.unvaried() * mask
    elif init.masked_content is MaskedContent.LATENT_NOTHING:
        encoded = encoded * (1.0 - mask)
    return encoded, MaskBlend(encoded, mask)
