"""Guidance that keeps the length of each patch's way, as Qwen-Image is guided."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

PATCH = 2


def renormed(x: Tensor, guided: Tensor, cond: Tensor) -> Tensor:
    """The picture that is guided to, with each patch as far from ``x`` as without guidance."""
    way = x - guided
    return x - way * (_lengths(x - cond) / _lengths(way))


def _lengths(way: Tensor) -> Tensor:
    """Of the numbers of each patch, for each of its cells. An odd side ends in a smaller patch."""
    height, width = way.shape[2:]
    squares = way.square().sum(dim=1, keepdim=True)
    filled = functional.pad(squares, (0, width % PATCH, 0, height % PATCH))
    lengths = functional.avg_pool2d(filled, PATCH).mul(PATCH * PATCH).sqrt().clamp_min(1e-12)
    return functional.interpolate(lengths, scale_factor=PATCH)[:, :, :height, :width]
