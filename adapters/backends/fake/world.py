"""What the fake backend knows: which latent a prompt means, and how latents look."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.domain.image import RasterImage

Latent: TypeAlias = NDArray[np.float64]
"""Shape (images, 4, height / 8, width / 8)."""

CELL = 8
CHANNELS = 4
SPREAD = 0.35
"""Standard deviation of the pictures of one prompt around their mean: what the seed decides."""
WAVES = 3

# Latent channels as RGB: three carry a colour each, the fourth brightens all.
_TO_RGB = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.35, 0.35, 0.35]])
_FROM_RGB = np.linalg.pinv(_TO_RGB)

# The word FAKE, so that nobody takes one of these pictures for a real one.
_MARK = np.array(
    [
        [int(dot) for dot in row]
        for row in (
            "11100110010101110",
            "10001001010101000",
            "11001111011001100",
            "10001001010101000",
            "10001001010101110",
        )
    ],
    dtype=bool,
)


def mean_latent(prompt: str, height: int, width: int) -> Latent:
    """The mean picture of a prompt: a few smooth waves for each channel, drawn from the prompt's hash."""
    digest = hashlib.sha256(prompt.encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    field = rng.uniform(-0.5, 0.5, (CHANNELS, 1, 1)) * np.ones((CHANNELS, height, width))
    for _ in range(WAVES):
        frequency = rng.uniform(-2.0, 2.0, (CHANNELS, 2, 1, 1))
        phase = rng.uniform(0.0, 2 * np.pi, (CHANNELS, 1, 1))
        field += 0.25 * np.sin(2 * np.pi * (frequency[:, 0] * rows + frequency[:, 1] * columns) + phase)
    return field[None]


def predict(x: Latent, sigma: float, mean: Latent) -> Latent:
    """The exact x0 for data that are normal around ``mean`` with deviation :data:`SPREAD`."""
    signal, noise = SPREAD**2, sigma**2
    return np.asarray((signal * x + noise * mean) / (signal + noise))


def decode(latent: Latent) -> list[RasterImage]:
    """RGB pictures, eight pixels a cell, marked as fake."""
    rgb = np.einsum("nchw,cr->nhwr", latent, _TO_RGB)
    pixels = (np.clip(rgb * 0.5 + 0.5, 0.0, 1.0) * 255.0).astype(np.uint8)
    large = pixels.repeat(CELL, axis=1).repeat(CELL, axis=2)
    return [_raster(_marked(picture)) for picture in large]


def encode(image: RasterImage) -> Latent:
    """The latent that looks like an RGB picture, a cell for each 8×8 pixels."""
    height, width = image.height // CELL, image.width // CELL
    rows = np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)
    whole = rows[: height * CELL, : width * CELL]
    cells = whole.reshape(height, CELL, width, CELL, 3).mean(axis=(1, 3))
    latent: Latent = np.einsum("hwr,rc->chw", cells / 127.5 - 1.0, _FROM_RGB)
    return latent[None]


def mask_cells(mask: RasterImage, rounded: bool) -> Latent:
    """An L mask as (1, 1, rows, columns), 1 = paint anew."""
    height, width = mask.height // CELL, mask.width // CELL
    values = np.frombuffer(mask.pixels, np.uint8).reshape(mask.height, mask.width) / 255.0
    whole = values[: height * CELL, : width * CELL]
    cells: Latent = whole.reshape(height, CELL, width, CELL).mean(axis=(1, 3))
    return (np.round(cells) if rounded else cells)[None, None]


def resized(latent: Latent, height: int, width: int) -> Latent:
    """The nearest cells."""
    rows = np.arange(height) * latent.shape[2] // height
    columns = np.arange(width) * latent.shape[3] // width
    return latent[:, :, rows][:, :, :, columns]


def _marked(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width, _ = picture.shape
    scale = max(1, min(width // (_MARK.shape[1] + 2), height // 16))
    mark = np.pad(_MARK, 1).repeat(scale, axis=0).repeat(scale, axis=1)[:height, :width]
    corner = picture[: mark.shape[0], : mark.shape[1]]
    corner[...] = np.where(mark[..., None], 255, 0)
    return picture


def _raster(picture: NDArray[np.uint8]) -> RasterImage:
    height, width, _ = picture.shape
    return RasterImage(width, height, "RGB", picture.tobytes())
