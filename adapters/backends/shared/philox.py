"""Philox 4x32-10 as CUDA's normal generator uses it, so that a seed gives on every machine what it gives
there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_ROUNDS = 10
_TO_UNIT = np.float32(2.3283064e-10)
_TO_ANGLE = np.float32(2.3283064e-10 * 6.2831855)


class PhiloxGenerator:
    """Normal draws in the order of ``torch.randn`` on CUDA. Each draw counts one, whatever its size."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._offset = 0

    def randn(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        count = int(np.prod(shape))
        counter = np.zeros((4, count), dtype=np.uint32)
        counter[0] = self._offset
        counter[2] = np.arange(count, dtype=np.uint32)
        self._offset += 1
        words = _philox(counter, self._seed)
        return _box_muller(words[0], words[1]).reshape(shape)


def _philox(counter: NDArray[np.uint32], seed: int) -> NDArray[np.uint32]:
    key = [seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF]
    for _ in range(_ROUNDS):
        counter = _round(counter, key)
        key = [(part + step) & 0xFFFFFFFF for part, step in zip(key, _INCREMENTS, strict=True)]
    return counter


def _round(counter: NDArray[np.uint32], key: list[int]) -> NDArray[np.uint32]:
    first = counter[0].astype(np.uint64) * _MULTIPLIERS[0]
    second = counter[2].astype(np.uint64) * _MULTIPLIERS[1]
    high, low = np.uint64(32), _LOW
    return np.stack(
        [
            (second >> high).astype(np.uint32) ^ counter[1] ^ np.uint32(key[0]),
            (second & low).astype(np.uint32),
            (first >> high).astype(np.uint32) ^ counter[3] ^ np.uint32(key[1]),
            (first & low).astype(np.uint32),
        ]
    )


def _box_muller(x: NDArray[np.uint32], y: NDArray[np.uint32]) -> NDArray[np.float32]:
    radius = x * _TO_UNIT + _TO_UNIT / 2
    angle = y * _TO_ANGLE + _TO_ANGLE / 2
    return np.asarray(np.sqrt(-2.0 * np.log(radius)) * np.sin(angle), dtype=np.float32)
