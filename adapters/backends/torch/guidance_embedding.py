"""Guidance as a number that the network is told, in place of a second evaluation: UNets of latent consistency
models were taught so (Meng et al. 2023, Luo et al. 2023)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_SCALE, _SLOWEST = 1000.0, 10000.0


def guidance_embedding(scale: float, width: int) -> Tensor:
    """(1, width) of a classifier-free guidance scale, 1 being none: sines, then cosines, of falling
    frequencies."""
    half = width // 2
    steps = torch.arange(half, dtype=torch.float32) * (-math.log(_SLOWEST) / (half - 1))
    angles = (scale - 1.0) * _SCALE * torch.exp(steps)
    found = torch.cat([torch.sin(angles), torch.cos(angles)])
    return torch.nn.functional.pad(found, (0, width % 2))[None]
