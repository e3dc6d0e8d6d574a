"""Products in fp8 by torchao: faster where the device has them, and not the same pictures."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from torch import nn

BLOCK = "transformer_blocks."
"""What lies in the transformer blocks is quantised: there the large products are."""

LEAST_SIDE = 16
"""Rows and columns of a matrix have to be multiples of it."""


def quantise(unet: nn.Module, by: Callable[..., None] | None = None) -> None:
    """Weights in fp8 for each output, inputs quantised as they come; in place.

    :param by: torchao's ``quantize_``, or what stands in for it.
    """
    if by is None:
        library: Any = import_module("torchao.quantization")
        rows = library.PerRow()
        how = library.Float8DynamicActivationFloat8WeightConfig(granularity=rows)
        library.quantize_(unet, how, filter_fn=is_quantised)
    else:
        by(unet, filter_fn=is_quantised)


def is_quantised(layer: nn.Module, name: str) -> bool:
    """Whether this layer goes by fp8: the text's width or a head's may not fit."""
    if not isinstance(layer, nn.Linear) or BLOCK not in name:
        return False
    return layer.in_features % LEAST_SIDE == 0 and layer.out_features % LEAST_SIDE == 0
