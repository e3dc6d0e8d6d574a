"""Noise as the reference draws it: one generator for each picture, so that no picture depends on its
neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from adapters.backends.shared.brownian import BrownianTree
from adapters.backends.shared.philox import PhiloxGenerator
from adapters.backends.torch.transfers import to_device
from core.sampling.float32 import single

RandnSource = Literal["CPU", "GPU", "NV"]
Draw = Callable[[tuple[int, ...]], Tensor]
ALMOST_PARALLEL = 0.9995


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSpec:
    """What decides the noise of a batch.

    :param shape: (channels, rows, columns) of one latent.
    :param ensd: added to every seed after the first draw (eta noise seed delta); 0 for none.
    :param resize_from: (rows, columns) in latent cells that the seed was first drawn at; None for the
        shape's own.
    :param pinned: as for ``to_device``.
    """

    seeds: tuple[int, ...]
    subseeds: tuple[int, ...]
    subseed_strength: float
    shape: tuple[int, int, int]
    source: RandnSource
    device: torch.device
    ensd: int = 0
    resize_from: tuple[int, int] | None = None
    pinned: bool = False


class BatchNoise:
    """A ``NoiseSource`` for one pass. Call :meth:`first` once, before anything else is drawn.

    :param brownian_range: lowest and highest sigma of the full schedule; only SDE samplers need it.
    """

    def __init__(self, spec: NoiseSpec, brownian_range: tuple[float, float] | None = None) -> None:
        self._spec = spec
        self._draws = [self._generator(seed) for seed in spec.seeds]
        self._range = brownian_range
        self._trees: list[BrownianTree] | None = None

    def first(self) -> Tensor:
        """The noise that sampling starts from: (images, channels, rows, columns), float32."""
        noise = torch.stack([self._first(i) for i in range(len(self._spec.seeds))])
        if self._spec.ensd:
            self._draws = [self._generator(seed + self._spec.ensd) for seed in self._spec.seeds]
        return noise

    @property
    def images(self) -> int:
        return len(self._spec.seeds)

    def unvaried(self) -> Tensor:
        """What the seeds themselves give first: masked content "latent noise" knows no variation seeds."""
        plain = replace(self._spec, subseed_strength=0.0, resize_from=None)
        return BatchNoise(plain).first()

    def draw(self) -> Tensor:
        return torch.stack([draw(self._spec.shape) for draw in self._draws])

    def between(self, sigma: float, sigma_next: float) -> Tensor:
        if self._trees is None:
            self._trees = [self._tree(seed) for seed in self._spec.seeds]
        low, high = min(sigma, sigma_next), max(sigma, sigma_next)
        sign = 1.0 if sigma < sigma_next else -1.0
        # Times in single precision, as the reference has them: the last digit decides where a path splits.
        first, last = single(low), single(high)
        rows = torch.stack([tree.between(first, last) for tree in self._trees])
        return rows * (sign / single(math.sqrt(single(last - first))))

    def _first(self, index: int) -> Tensor:
        spec = self._spec
        small = spec.shape if spec.resize_from is None else (spec.shape[0], *spec.resize_from)
        resized = small != spec.shape
        draw = self._generator(spec.seeds[index]) if resized else self._draws[index]
        noise = draw(small)
        if spec.subseed_strength != 0:
            noise = slerp(spec.subseed_strength, noise, self._generator(spec.subseeds[index])(small))
        return _centred(noise, self._draws[index](spec.shape)) if resized else noise

    def _generator(self, seed: int) -> Draw:
        spec = self._spec
        if spec.source == "NV":
            philox = PhiloxGenerator(seed)
            return lambda shape: self._placed(torch.from_numpy(philox.randn(shape)))
        place = spec.device if spec.source == "GPU" and spec.device.type == "cuda" else torch.device("cpu")
        generator = torch.Generator(place).manual_seed(seed % 2**64)
        return lambda shape: self._placed(torch.randn(shape, generator=generator, device=place))

    def _placed(self, drawn: Tensor) -> Tensor:
        return to_device(drawn, self._spec.device, self._spec.pinned)

    def _tree(self, seed: int) -> BrownianTree:
        if self._range is None:
            raise ValueError("this pass was made without a Brownian range")
        low, high = (single(end) for end in self._range)
        return BrownianTree(low, high, seed, lambda seed: self._generator(seed)(self._spec.shape))


def slerp(share: float, low: Tensor, high: Tensor) -> Tensor:
    """Spherical blend along the rows' axis, as the reference has it, its reversed straight blend included."""
    low_unit = low / torch.norm(low, dim=1, keepdim=True)
    high_unit = high / torch.norm(high, dim=1, keepdim=True)
    dot = (low_unit * high_unit).sum(1)
    if dot.mean() > ALMOST_PARALLEL:
        return low * share + high * (1 - share)
    omega = torch.acos(dot)
    sine = torch.sin(omega)
    first = (torch.sin((1.0 - share) * omega) / sine).unsqueeze(1) * low
    return first + (torch.sin(share * omega) / sine).unsqueeze(1) * high


def _centred(noise: Tensor, canvas: Tensor) -> Tensor:
    """``noise`` of another size laid over the middle of ``canvas``, or its middle cut out."""
    height, width = canvas.shape[1:]
    offset_y, offset_x = (height - noise.shape[1]) // 2, (width - noise.shape[2]) // 2
    rows = noise.shape[1] if offset_y >= 0 else noise.shape[1] + 2 * offset_y
    columns = noise.shape[2] if offset_x >= 0 else noise.shape[2] + 2 * offset_x
    to_y, to_x = max(offset_y, 0), max(offset_x, 0)
    from_y, from_x = max(-offset_y, 0), max(-offset_x, 0)
    result = canvas.clone()
    result[:, to_y : to_y + rows, to_x : to_x + columns] = noise[
        :, from_y : from_y + rows, from_x : from_x + columns
    ]
    return result


def seed_resize_cells(width: int, height: int) -> tuple[int, int] | None:
    """Latent rows and columns of a seed resize in pixels; None when it is off."""
    return (height // 8, width // 8) if width > 0 and height > 0 else None
