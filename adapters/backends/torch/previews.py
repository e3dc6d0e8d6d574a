"""What a latent looks like, for previews: cheap, and made only when somebody looks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from adapters.backends.torch.latents import decode
from adapters.backends.torch.model import LoadedModel
from core.domain.image import RasterImage

SMALL_VAE = 5_000_000
"""Parameters. A decoder below that costs less than a step, so previews use it."""

# Four latent channels of SD1 to RGB in -1..1.
_SD1_TO_RGB = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


def preview(model: LoadedModel, latent: Tensor) -> Callable[[], RasterImage]:
    """A function that makes the preview of the first picture of ``latent``."""
    first = latent[:1].detach()
    if model.vae_parameters < SMALL_VAE:
        return lambda: decode(model, first)[0]
    return lambda: _approximate(first)


def _approximate(latent: Tensor) -> RasterImage:
    weights = torch.tensor(_SD1_TO_RGB, device=latent.device, dtype=latent.dtype)
    rgb = torch.einsum("chw,cr->hwr", latent[0], weights)
    pixels = ((rgb + 1.0) / 2.0).clamp(0.0, 1.0).mul(255.0).to(torch.uint8).cpu().numpy()
    return RasterImage(pixels.shape[1], pixels.shape[0], "RGB", pixels.tobytes())
