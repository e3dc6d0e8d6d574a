"""Between the two passes of hires fix: the first latent brought to the size of the second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from adapters.backends.torch.latents import decode, encode_floats, resize_latent, to_pixels
from adapters.backends.torch.model import LoadedModel
from core.domain.errors import InvalidValue
from core.domain.geometry import HiresSizes
from core.domain.image import RasterImage
from core.prepared import Enlarge, HiresPass

LATENT_MODES: dict[str, tuple[str, bool]] = {
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}


def check_upscaler(hires: HiresPass) -> None:
    """Raises ``InvalidValue`` for an upscaler that there is not. The pixel upscalers came with the run."""
    if hires.enlarge is None and hires.upscaler not in LATENT_MODES:
        raise InvalidValue("hr_upscaler", hires.upscaler, f"it must be one of {', '.join(LATENT_MODES)}")


def upscale(model: LoadedModel, hires: HiresPass, latent: Tensor, check: Callable[[], None]) -> Tensor:
    """The latent that the second pass starts from. ``check`` raises when the run is to stop."""
    check_upscaler(hires)
    pictures = decode(model, latent, alone=True) if hires.enlarge or hires.keep else []
    if hires.keep is not None:
        hires.keep(pictures)
    if hires.enlarge is not None:
        return _cut(_through_pixels(model, hires.enlarge, pictures, check), hires.sizes)
    mode, antialias = LATENT_MODES[hires.upscaler]
    size = hires.sizes.upscaled_latent
    return _cut(resize_latent(latent, size.height, size.width, mode, antialias), hires.sizes)


def _through_pixels(
    model: LoadedModel, enlarge: Enlarge, pictures: Sequence[RasterImage], check: Callable[[], None]
) -> Tensor:
    rows = []
    for picture in pictures:
        larger = enlarge(picture, check)
        rows.append(np.moveaxis(to_pixels(larger).astype(np.float32) / 255.0, 2, 0))
    return encode_floats(model, torch.from_numpy(np.stack(rows)))


def _cut(latent: Tensor, sizes: HiresSizes) -> Tensor:
    x, y, kept = sizes.truncate_x // 2, sizes.truncate_y // 2, sizes.latent
    return latent[:, :, y : y + kept.height, x : x + kept.width]
