"""The normal numbers of ``torch.randn`` on the CPU without torch, so that a seed gives the same picture.

The generator is the Mersenne Twister, which numpy has too. What differs is what is made of its words: sixteen
at a time, eight radii and eight angles, in single precision. They agree with torch's to a few units of the
last digit, since torch's kernels have logarithms and cosines of their own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

BLOCK = 16
_HALF = BLOCK // 2
_BITS = (1 << 24) - 1
_TO_UNIT = np.float32(1.0 / (1 << 24))
_TURN = np.float32(2.0 * math.pi)


class MersenneGenerator:
    """Draws in the order of a ``torch.Generator`` that was seeded so. A draw has at least sixteen numbers, as
    every latent has."""

    def __init__(self, seed: int) -> None:
        self._words = np.random.RandomState(seed & 0xFFFFFFFF)

    def randn(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        count = math.prod(shape)
        if count < BLOCK:
            raise ValueError(f"{shape} has {count} numbers; a draw has at least {BLOCK}")
        numbers = self._uniform(count)
        whole = count - count % BLOCK
        drawn = np.empty(count, np.float32)
        drawn[:whole] = _normal(numbers[:whole])
        if whole < count:
            # The last block is drawn anew, and lies over the end of the one before.
            drawn[-BLOCK:] = _normal(self._uniform(BLOCK))
        return drawn.reshape(shape)

    def _uniform(self, count: int) -> NDArray[np.float32]:
        words = self._words.randint(0, 1 << 32, size=count, dtype=np.uint32)
        return (words & np.uint32(_BITS)).astype(np.float32) * _TO_UNIT


def _normal(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Box and Muller's way, a block at a time: the first half are radii, the second angles."""
    blocks = numbers.reshape(-1, 2, _HALF)
    radius = np.sqrt(np.float32(-2.0) * np.log(np.float32(1.0) - blocks[:, 0]))
    angle = _TURN * blocks[:, 1]
    drawn = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return np.asarray(drawn, dtype=np.float32).reshape(-1)
