"""Noise of the fake backend: one generator for each picture, so that no picture depends on its neighbours."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

import numpy as np

from adapters.backends.fake.world import CHANNELS, Latent


class SeededNoise:
    """A ``NoiseSource``. Variations blend two seeds' first draws, as the real backends do."""

    def __init__(self, seeds: Sequence[int], height: int, width: int) -> None:
        self._shape = (CHANNELS, height, width)
        self._seeds = tuple(seeds)
        self._generators = [_generator(seed) for seed in seeds]

    def draw(self) -> Latent:
        return np.stack([generator.standard_normal(self._shape) for generator in self._generators])

    def between(self, sigma: float, sigma_next: float) -> Latent:
        pair = int.from_bytes(struct.pack("<dd", sigma, sigma_next), "little")
        return np.stack([_generator(seed, pair).standard_normal(self._shape) for seed in self._seeds])


def first_draw(
    noise: SeededNoise, subseeds: Sequence[int], strength: float, height: int, width: int
) -> Latent:
    """The noise that a pass starts from, with its variation."""
    start = noise.draw()
    if strength == 0:
        return start
    other = SeededNoise(subseeds, height, width).draw()
    angle = min(max(strength, 0.0), 1.0) * math.pi / 2
    return start * math.cos(angle) + other * math.sin(angle)


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng([part % 2**256 for part in key])
