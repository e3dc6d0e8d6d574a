"""Between the two passes of hires fix: the first latent brought to the size of the second."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from adapters.backends.torch.latents import decode_floats, encode_floats, resize_latent
from adapters.backends.torch.model import LoadedModel
from core.domain.errors import InvalidValue
from core.domain.geometry import HiresSizes
from core.prepared import HiresPass

LATENT_MODES: dict[str, tuple[str, bool]] = {
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}
PIXEL_FILTERS = {
    "None": Image.Resampling.LANCZOS,
    "Lanczos": Image.Resampling.LANCZOS,
    "Nearest": Image.Resampling.NEAREST,
}


def check_upscaler(name: str) -> None:
    """Raises ``InvalidValue`` for an upscaler that there is not."""
    if name not in LATENT_MODES and name not in PIXEL_FILTERS:
        known = ", ".join((*LATENT_MODES, *PIXEL_FILTERS))
        raise InvalidValue("hr_upscaler", name, f"it must be one of {known}")


def upscale(model: LoadedModel, hires: HiresPass, latent: Tensor) -> Tensor:
    """The latent that the second pass starts from."""
    check_upscaler(hires.upscaler)
    if hires.upscaler in LATENT_MODES:
        mode, antialias = LATENT_MODES[hires.upscaler]
        size = hires.sizes.upscaled_latent
        larger = resize_latent(latent, size.height, size.width, mode, antialias)
    else:
        larger = _through_pixels(model, hires, latent)
    return _cut(larger, hires.sizes)


def _through_pixels(model: LoadedModel, hires: HiresPass, latent: Tensor) -> Tensor:
    size = hires.sizes.upscaled
    pixel_filter = PIXEL_FILTERS[hires.upscaler]
    rows = []
    for picture in decode_floats(model, latent):
        values = (255.0 * np.moveaxis(picture.cpu().numpy(), 0, 2)).astype(np.uint8)
        larger = Image.fromarray(values).resize((size.width, size.height), pixel_filter)
        rows.append(np.moveaxis(np.asarray(larger, dtype=np.float32) / 255.0, 2, 0))
    return encode_floats(model, torch.from_numpy(np.stack(rows)))


def _cut(latent: Tensor, sizes: HiresSizes) -> Tensor:
    x, y, kept = sizes.truncate_x // 2, sizes.truncate_y // 2, sizes.latent
    return latent[:, :, y : y + kept.height, x : x + kept.width]
