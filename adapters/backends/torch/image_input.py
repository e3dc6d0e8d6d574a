"""What two kinds of models see beside the noisy latent: inpainting models (9 input channels) the mask and the
picture around it, models that follow instructions (8, instruct-pix2pix) the picture that they change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from adapters.backends.torch.latents import decode_floats, encode_floats, resize_latent, to_tensor
from adapters.backends.torch.model import LoadedModel
from core.domain.families import EDIT_CHANNELS, INPAINT_CHANNELS
from core.domain.image import RasterImage
from core.prepared import InitPictures


@dataclass(frozen=True, slots=True)
class ImageInput:
    """Goes into the network behind the latent, unscaled.

    :param channels: (images, channels, rows, columns).
    :param guidance: how much the picture is followed, for models that follow instructions; None: the picture
        is no guide of its own.
    """

    channels: Tensor
    guidance: float | None = None


def image_input(
    model: LoadedModel, init: InitPictures | None, count: int, rows: int, columns: int, mask_weight: float
) -> ImageInput | None:
    """For a pass over ``count`` pictures that starts from ``init``, or from noise; None: the model is of
    neither kind.

    :param mask_weight: the option ``inpainting_mask_weight``: how much the area under the mask is hidden.
    """
    if model.input_channels == INPAINT_CHANNELS:
        if init is None:
            return ImageInput(_hidden(model, count, rows, columns))
        pixels = _pixels(init.images, count)
        return ImageInput(_masked(model, pixels, init.mask, init.mask_round, mask_weight, rows, columns))
    if model.input_channels == EDIT_CHANNELS:
        return _edited(model, init, count, rows, columns)
    return None


def hires_input(model: LoadedModel, larger: Tensor, mask_weight: float) -> ImageInput | None:
    """For the second pass of hires fix. A model that follows instructions has no picture there."""
    count, _, rows, columns = larger.shape
    if model.input_channels != INPAINT_CHANNELS or mask_weight >= 1.0:
        return image_input(model, None, count, rows, columns, mask_weight)
    pixels = decode_floats(model, larger)
    return ImageInput(_masked(model, pixels, None, True, mask_weight, rows, columns))


def _hidden(model: LoadedModel, count: int, rows: int, columns: int) -> Tensor:
    """All of the picture is to be painted, and grey."""
    grey = encode_floats(model, torch.full((1, 3, rows * 8, columns * 8), 0.5))
    mask = torch.ones((1, 1, rows, columns), device=grey.device)
    return torch.cat([mask, grey], dim=1).expand(count, -1, -1, -1)


def _masked(
    model: LoadedModel,
    pixels: Tensor,
    mask: RasterImage | None,
    rounded: bool,
    weight: float,
    rows: int,
    columns: int,
) -> Tensor:
    size = pixels.shape[2:]
    hidden = torch.ones((1, 1, *size)) if mask is None else _mask_tensor(mask, rounded, size)
    hidden = hidden.to(pixels.device)
    # The reference works on -1..1, so what the mask hides turns grey and not black.
    shown = torch.lerp(pixels * 2.0 - 1.0, (pixels * 2.0 - 1.0) * (1.0 - hidden), weight)
    encoded = _of_size(encode_floats(model, (shown + 1.0) / 2.0), rows, columns)
    small = functional.interpolate(hidden.to(encoded.device), size=(rows, columns))
    return torch.cat([small.expand(encoded.shape[0], -1, -1, -1), encoded], dim=1)


def _mask_tensor(mask: RasterImage, rounded: bool, size: torch.Size) -> Tensor:
    picture = Image.frombytes("L", mask.size, mask.pixels)
    if picture.size != (size[1], size[0]):
        picture = picture.resize((size[1], size[0]), Image.Resampling.NEAREST)
    values = torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255.0)[None, None]
    return torch.round(values) if rounded else values


def _edited(model: LoadedModel, init: InitPictures | None, count: int, rows: int, columns: int) -> ImageInput:
    if init is None:
        return ImageInput(torch.zeros((count, model.latent_channels, rows, columns), device=model.device))
    encoded = _of_size(encode_floats(model, _pixels(init.images, count)), rows, columns)
    guidance = init.image_cfg_scale
    # Such models were trained on latents that are not scaled.
    unscaled = encoded / float(model.vae.config.scaling_factor)
    return ImageInput(unscaled, None if guidance in (None, 1.0) else guidance)


def _pixels(images: Sequence[RasterImage], count: int) -> Tensor:
    pixels = torch.cat([to_tensor(image) for image in images])
    return pixels if pixels.shape[0] == count else pixels[:1].repeat(count, 1, 1, 1)


def _of_size(latent: Tensor, rows: int, columns: int) -> Tensor:
    return latent if latent.shape[2:] == (rows, columns) else resize_latent(latent, rows, columns)
