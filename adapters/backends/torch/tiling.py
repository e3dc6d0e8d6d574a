"""Pictures that continue over their edges: convolutions that pad with the other side.

The flag belongs to the thread that draws, so that runs in flight do not tile each other's pictures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

_local = threading.local()


@contextmanager
def tiling(on: bool) -> Iterator[None]:
    """Pad circularly in this thread, inside the block."""
    before = is_tiling()
    _local.on = on
    try:
        yield
    finally:
        _local.on = before


def is_tiling() -> bool:
    """Whether this thread tiles."""
    return bool(getattr(_local, "on", False))


def make_tileable(module: torch.nn.Module) -> None:
    """Let every convolution of ``module`` ask, at each call, whether this thread tiles."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.Conv2d) and layer.padding_mode == "zeros":
            # Assigned by name: it is torch's own seam, but its type says that methods stay.
            setattr(layer, "_conv_forward", _tileable(layer))  # noqa: B010


def _tileable(layer: torch.nn.Conv2d) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    # Not the layer: a copy with other weights has this function too, and would keep the first one's.
    stride, dilation, groups, padding = layer.stride, layer.dilation, layer.groups, layer.padding
    rows, columns = padding if isinstance(padding, tuple) else (0, 0)

    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not is_tiling() or not (rows or columns):
            same: Tensor = functional.conv2d(x, weight, bias, stride, padding, dilation, groups)
            return same
        padded = functional.pad(x, (columns, columns, rows, rows), mode="circular")
        tiled: Tensor = functional.conv2d(padded, weight, bias, stride, 0, dilation, groups)
        return tiled

    return forward
