"""Which colour a latent has, learnt from the VAE itself: one linear step, for previews that cost nothing.

A picture of flat patches is encoded once; least squares then give the colour of a cell from its channels. No
table of another project is needed, and a VAE of any family has one.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from adapters.backends.torch.latents import encode_floats
from adapters.backends.torch.model import LoadedModel

PATCHES = 8
"""Along a side: enough colours for the most channels that a VAE has."""
SIDE = 32
"""Pixels of a patch, along a side."""
EDGES = 2


@dataclass(frozen=True, slots=True)
class ColorFit:
    """``weights``: (channels, 3); ``bias``: (3,). Together they give RGB in -1..1."""

    weights: Tensor
    bias: Tensor

    def __call__(self, latent: Tensor) -> Tensor:
        """(channels, rows, columns) to (rows, columns, 3)."""
        weights, bias = self.weights.to(latent), self.bias.to(latent)
        return torch.einsum("chw,cr->hwr", latent, weights) + bias


class ColorFits:
    """Those of the VAEs in memory, each made at its first use. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: WeakKeyDictionary[Any, ColorFit] = WeakKeyDictionary()

    def of(self, model: LoadedModel) -> ColorFit:
        with self._lock:
            found = self._made.get(model.vae)
            if found is None:
                found = self._made[model.vae] = fit_colors(model)
            return found


def fit_colors(model: LoadedModel) -> ColorFit:
    """Encodes one small picture."""
    colors = torch.rand((PATCHES, PATCHES, 3), generator=torch.Generator().manual_seed(0))
    pixels = colors.permute(2, 0, 1)[None].repeat_interleave(SIDE, 2).repeat_interleave(SIDE, 3)
    latent = encode_floats(model, pixels)
    if not torch.isfinite(latent).all():
        wide = model.wide.of(model.vae, torch.float32)
        latent = encode_floats(replace(model, vae=wide, dtype=torch.float32), pixels)
    channels, cells = latent.shape[1], latent.shape[2] // PATCHES
    blocks = latent[0].float().cpu().reshape(channels, PATCHES, cells, PATCHES, cells)
    # Patches mix at their edges, where there are cells that are none.
    whole = slice(1, -1) if cells > EDGES else slice(None)
    inner = blocks[:, :, whole, :, whole].mean(dim=(2, 4)).reshape(channels, -1).T
    known = torch.cat([inner, torch.ones((inner.shape[0], 1))], dim=1)
    solved = torch.linalg.lstsq(known, colors.reshape(-1, 3) * 2.0 - 1.0).solution
    return ColorFit(solved[:-1], solved[-1])
