"""Noise as the reference draws it: one generator for each picture, so that no picture depends on its
neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from adapters.backends.onnx.arrays import Floats
from adapters.backends.shared.brownian import BrownianTree
from adapters.backends.shared.mersenne import MersenneGenerator
from adapters.backends.shared.philox import PhiloxGenerator
from core.sampling.float32 import single

Draw = Callable[[tuple[int, ...]], Floats]
ALMOST_PARALLEL = 0.9995


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSpec:
    """What decides the noise of a batch.

    :param shape: (channels, rows, columns) of one latent.
    :param philox: the generator of CUDA devices (``randn_source`` NV) instead of the CPU's.
    :param ensd: added to every seed after the first draw (eta noise seed delta); 0 for none.
    :param resize_from: (rows, columns) in latent cells that the seed was first drawn at; None for the
        shape's own.
    """

    seeds: tuple[int, ...]
    subseeds: tuple[int, ...]
    subseed_strength: float
    shape: tuple[int, int, int]
    philox: bool = False
    ensd: int = 0
    resize_from: tuple[int, int] | None = None


class BatchNoise:
    """A ``NoiseSource`` for one pass. Call :meth:`first` once, before anything else is drawn.

    :param span: lowest and highest sigma of the full schedule; only SDE samplers need it.
    """

    def __init__(self, spec: NoiseSpec, span: tuple[float, float] | None = None) -> None:
        self._spec = spec
        self._draws = [self._generator(seed) for seed in spec.seeds]
        self._span = span
        self._trees: list[BrownianTree] | None = None

    def first(self) -> Floats:
        """The noise that sampling starts from: (images, channels, rows, columns)."""
        noise = np.stack([self._first(i) for i in range(len(self._spec.seeds))])
        if self._spec.ensd:
            self._draws = [self._generator(seed + self._spec.ensd) for seed in self._spec.seeds]
        return noise

    @property
    def images(self) -> int:
        return len(self._spec.seeds)

    def unvaried(self) -> Floats:
        """What the seeds themselves give first: masked content "latent noise" knows no variation seeds."""
        return BatchNoise(replace(self._spec, subseed_strength=0.0, resize_from=None)).first()

    def draw(self) -> Floats:
        return np.stack([draw(self._spec.shape) for draw in self._draws])

    def between(self, sigma: float, sigma_next: float) -> Floats:
        if self._trees is None:
            self._trees = [self._tree(seed) for seed in self._spec.seeds]
        first, last = single(min(sigma, sigma_next)), single(max(sigma, sigma_next))
        sign = 1.0 if sigma < sigma_next else -1.0
        rows: Floats = np.stack([tree.between(first, last) for tree in self._trees])
        return rows * np.float32(sign / single(math.sqrt(single(last - first))))

    def _first(self, index: int) -> Floats:
        spec = self._spec
        small = spec.shape if spec.resize_from is None else (spec.shape[0], *spec.resize_from)
        resized = small != spec.shape
        draw = self._generator(spec.seeds[index]) if resized else self._draws[index]
        noise = draw(small)
        if spec.subseed_strength != 0:
            noise = slerp(spec.subseed_strength, noise, self._generator(spec.subseeds[index])(small))
        return centred(noise, self._draws[index](spec.shape)) if resized else noise

    def _generator(self, seed: int) -> Draw:
        return PhiloxGenerator(seed).randn if self._spec.philox else MersenneGenerator(seed).randn

    def _tree(self, seed: int) -> BrownianTree:
        assert self._span is not None, "this pass was made without a Brownian range"
        low, high = (single(end) for end in self._span)
        return BrownianTree(low, high, seed, lambda seed: self._generator(seed)(self._spec.shape))


def slerp(share: float, low: Floats, high: Floats) -> Floats:
    """Spherical blend along the rows' axis, as the reference has it, its reversed straight blend included."""
    dot = (_unit(low) * _unit(high)).sum(axis=1)
    if dot.mean() > ALMOST_PARALLEL:
        return low * share + high * (1 - share)
    omega = np.arccos(dot)
    sine = np.sin(omega)
    first = (np.sin((1.0 - share) * omega) / sine)[:, None] * low
    blended: Floats = first + (np.sin(share * omega) / sine)[:, None] * high
    return blended


def _unit(rows: Floats) -> Floats:
    length: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / length


def centred(noise: Floats, canvas: Floats) -> Floats:
    """``noise`` of another size laid over the middle of ``canvas``, or its middle cut out."""
    result = canvas.copy()
    down, across = _overlap(noise.shape[1], canvas.shape[1]), _overlap(noise.shape[2], canvas.shape[2])
    result[:, down[1], across[1]] = noise[:, down[0], across[0]]
    return result


def _overlap(own: int, whole: int) -> tuple[slice, slice]:
    """Of one side: what is taken of the noise, and where it lies on the canvas."""
    offset = (whole - own) // 2
    span = own if offset >= 0 else own + 2 * offset
    first, at = max(-offset, 0), max(offset, 0)
    return slice(first, first + span), slice(at, at + span)
