"""Gaussian blur of a mask, bit for bit as OpenCV blurs 8-bit pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_BITS = 8
# A wider blur evens out every picture that is allowed; a huge number would ask for a huge kernel.
_WIDEST = 8192


def blur(pixels: NDArray[np.uint8], sigma: int, axis: int) -> NDArray[np.uint8]:
    """``pixels`` blurred along one axis; the border is mirrored without its edge pixel (reflect-101)."""
    if sigma <= 0 or pixels.shape[axis] == 1:
        return pixels
    taps = kernel(min(sigma, _WIDEST))
    half, length = len(taps) // 2, pixels.shape[axis]
    source = np.moveaxis(pixels, axis, 0)
    total = np.zeros(source.shape, np.int32)
    for offset, weight in enumerate(taps, -half):
        if weight:
            total += weight * source[_mirrored(np.arange(length) + offset, length)].astype(np.int32)
    rounded = (total + (1 << _BITS - 1)) >> _BITS
    return np.ascontiguousarray(np.moveaxis(rounded, 0, axis).astype(np.uint8))


def kernel(sigma: float) -> Sequence[int]:
    """The weights in 1/256. The rounding error of each is carried to its neighbour, so their sum is exact."""
    half = int(2.5 * sigma + 0.5)
    curve = [math.exp(-0.5 * (x / sigma) ** 2) for x in range(-half, half + 1)]
    scale = (1 << _BITS) / math.fsum(curve)
    side: list[int] = []
    error = 0.0
    for value in curve[:half]:
        exact = value * scale + error
        side.append(round(exact))
        error = exact - side[-1]
    return [*side, (1 << _BITS) - 2 * sum(side), *reversed(side)]


def _mirrored(index: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    period = 2 * (length - 1)
    folded = index % period
    return np.minimum(folded, period - folded)
