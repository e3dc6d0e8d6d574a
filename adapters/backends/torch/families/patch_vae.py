"""A VAE whose latents are levelled out by patches, as one of plain latents."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

PATCH = 2


class PatchVae(nn.Module):
    """Looks like an ``AutoencoderKL`` whose latents need no scaling: the mean and the spread that were
    measured for each number of a patch are taken care of here.

    :ivar config: the number of channels, and scalings that do nothing.
    """

    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.plain = plain
        channels = int(plain.config.latent_channels)
        self.config = SimpleNamespace(latent_channels=channels, scaling_factor=1.0, shift_factor=0.0)

    def encode(self, pixels: Tensor) -> Any:
        mean = self.plain.encode(pixels).latent_dist.mean
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=self.normal(mean)))

    def decode(self, latent: Tensor) -> Any:
        middle, spread = self._numbers(latent)
        height, width = latent.shape[2:]
        patches = self._patches(latent) * spread + middle
        return self.plain.decode(functional.pixel_shuffle(patches, PATCH)[:, :, :height, :width])

    def normal(self, raw: Tensor) -> Tensor:
        """The latents that networks know, from those of the VAE inside."""
        middle, spread = self._numbers(raw)
        height, width = raw.shape[2:]
        patches = (self._patches(raw) - middle) / spread
        return functional.pixel_shuffle(patches, PATCH)[:, :, :height, :width]

    def _patches(self, latent: Tensor) -> Tensor:
        """An odd side is filled up with its own last cell."""
        height, width = latent.shape[2:]
        filled = functional.pad(latent, (0, width % PATCH, 0, height % PATCH), mode="replicate")
        return functional.pixel_unshuffle(filled, PATCH)

    def _numbers(self, like: Tensor) -> tuple[Tensor, Tensor]:
        measured = self.plain.bn
        variance = measured.running_var + self.plain.config.batch_norm_eps
        middle, spread = (x[None, :, None, None].to(like) for x in (measured.running_mean, variance.sqrt()))
        return middle, spread
