"""A VAE of moving pictures, as one of still ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn


class StillVae(nn.Module):
    """Looks like an ``AutoencoderKL`` whose latents need no scaling: their mean and spread are taken care of
    here. One caller at a time, as the networks inside keep what they compute.

    :ivar config: the number of channels, and scalings that do nothing.
    """

    def __init__(self, video: Any) -> None:
        super().__init__()
        self.video = video
        own = video.config
        self.config = SimpleNamespace(latent_channels=int(own.z_dim), scaling_factor=1.0, shift_factor=0.0)
        self._mean = tuple(float(value) for value in own.latents_mean)
        self._spread = tuple(float(value) for value in own.latents_std)

    def encode(self, pixels: Tensor) -> Any:
        mean = self.video.encode(pixels[:, :, None]).latent_dist.mean[:, :, 0]
        middle, spread = self._numbers(mean)
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=(mean - middle) / spread))

    def decode(self, latent: Tensor) -> Any:
        middle, spread = self._numbers(latent)
        sample = self.video.decode((latent * spread + middle)[:, :, None]).sample
        return SimpleNamespace(sample=sample[:, :, 0])

    def _numbers(self, like: Tensor) -> tuple[Tensor, Tensor]:
        middle, spread = (
            torch.tensor(values, dtype=like.dtype, device=like.device)[None, :, None, None]
            for values in (self._mean, self._spread)
        )
        return middle, spread
