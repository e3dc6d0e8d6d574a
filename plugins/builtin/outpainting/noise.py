"""Noise that looks like a picture: as coarse or fine as that, and of its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 0
"""Always the same noise, so that a request draws the same picture."""


def noise_like(
    picture: NDArray[Any], known: NDArray[Any], fall_off: float, color_variation: float
) -> NDArray[Any]:
    """Noise in every pixel, 8 bits a channel.

    White noise is given the strengths of the frequencies that the picture has, then its mean and its spread,
    channel by channel.

    :param picture: rows, columns and channels; only what ``known`` says is looked at.
    :param known: rows and columns.
    :param fall_off: exponent of the strengths: 0 leaves white noise, more makes it coarser.
    :param color_variation: 0 for the same noise in each channel, 1 for other noise in each.
    """
    import numpy as np

    rng = np.random.default_rng(SEED)
    rows, columns, channels = picture.shape
    grey, colored = rng.standard_normal((rows, columns, 1)), rng.standard_normal((rows, columns, channels))
    white = grey + (colored - grey) * color_variation
    values = picture.astype(np.float64)
    mean, spread = values[known].mean(axis=0), values[known].std(axis=0)
    seen = np.where(known[:, :, None], values - mean, 0.0)
    strengths = np.abs(np.fft.fft2(seen, axes=(0, 1))) ** fall_off
    shaped = np.fft.ifft2(np.fft.fft2(white, axes=(0, 1)) * strengths, axes=(0, 1)).real
    shaped -= shaped.mean(axis=(0, 1))
    shaped /= np.maximum(shaped.std(axis=(0, 1)), 1e-9)
    noise: NDArray[Any] = np.clip(np.rint(shaped * spread + mean), 0, 255).astype(np.uint8)
    return noise
