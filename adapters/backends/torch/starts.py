"""The latent that img2img starts from, and what its mask keeps."""

from __future__ import annotations

from torch import Tensor

from adapters.backends.torch.latents import MaskBlend, encode, latent_mask, resize_latent
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.noise import BatchNoise
from adapters.backends.torch.transfers import to_device
from core.domain.request import MaskedContent, ResizeMode
from core.prepared import InitPictures


def init_latent(
    model: LoadedModel, init: InitPictures, noise: BatchNoise, rows: int, columns: int
) -> tuple[Tensor, MaskBlend | None]:
    """(images, channels, rows, columns), not noised yet, and the blend of a masked run."""
    encoded = encode(model, init.images)
    if init.resize_mode is ResizeMode.LATENT:
        encoded = resize_latent(encoded, rows, columns)
    if encoded.shape[0] == 1:
        encoded = encoded.repeat(noise.images, 1, 1, 1)
    if init.mask is None:
        return encoded, None
    mask = latent_mask(init.mask, rows, columns, init.mask_round)
    mask = to_device(mask, model.device, model.pinned)
    if init.masked_content is MaskedContent.LATENT_NOISE:
        encoded = encoded * (1.0 - mask) + noise.unvaried() * mask
    elif init.masked_content is MaskedContent.LATENT_NOTHING:
        encoded = encoded * (1.0 - mask)
    return encoded, MaskBlend(encoded, mask)
