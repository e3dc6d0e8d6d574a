"""Between pictures and latents: the VAE, masks, and changes of size."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.precision import wider
from adapters.backends.torch.tiling import is_tiling, tiling
from core.domain.errors import BackendError
from core.domain.image import RasterImage

log = logging.getLogger("serena.torch")

CELL = 8
"""Pixels along a side of one latent cell."""


@dataclass(frozen=True, slots=True)
class MaskBlend:
    """Keeps the unmasked part of the init latent.

    :param mask: (1, 1, rows, columns), 1 = paint anew.
    """

    original: Tensor
    mask: Tensor

    def keep(self, x: Tensor) -> Tensor:
        return x * self.mask + self.original * (1.0 - self.mask)


def decode(model: LoadedModel, latents: Tensor, *, alone: bool = False) -> list[RasterImage]:
    """RGB pictures, one at a time as the reference does, cut (not rounded) to 8 bits.

    :param alone: they share no call of the VAE with those of other runs, where such calls are shared.
    """
    return [_to_raster(_decode_one(model, latent[None], alone)) for latent in latents]


def decode_floats(model: LoadedModel, latents: Tensor) -> Tensor:
    """(images, 3, height, width) in 0..1, of latents that a run goes on from."""
    return torch.cat([_decode_one(model, latent[None], alone=True) for latent in latents])


def encode(model: LoadedModel, images: Sequence[RasterImage]) -> Tensor:
    """Latents of RGB pictures: the mean of the posterior, so that they depend on the pictures alone."""
    return encode_floats(model, torch.cat([to_tensor(image) for image in images]))


def encode_floats(model: LoadedModel, pixels: Tensor) -> Tensor:
    """``pixels``: (images, 3, height, width) in 0..1."""
    scaled = (pixels * 2.0 - 1.0).to(device=model.device, dtype=model.dtype)
    vae, tiled = model.vae, is_tiling()

    def forward(rows: Rows) -> Tensor:
        with torch.inference_mode(), tiling(tiled):
            mean: Tensor = vae.encode(rows["pixels"]).latent_dist.mean
            return mean

    kind = ("encode", id(vae), tiled)
    # What a run starts from shares no call: only pictures that are done do, and not those of every run.
    means = [model.lane.ask(Question(kind, forward, {"pixels": row[None]}), alone=True) for row in scaled]
    return _unscaled(torch.cat(means), model)


def latent_mask(mask: RasterImage, rows: int, columns: int, rounded: bool) -> Tensor:
    """An L picture as (1, 1, rows, columns), on the CPU; 1 = paint anew."""
    picture = Image.frombytes("L", mask.size, mask.pixels).convert("RGB").resize((columns, rows))
    values = np.moveaxis(np.asarray(picture, dtype=np.float32), 2, 0)[0] / 255.0
    tensor = torch.from_numpy(np.around(values) if rounded else values)
    return tensor[None, None]


def resize_latent(
    latent: Tensor, rows: int, columns: int, mode: str = "bilinear", antialias: bool = False
) -> Tensor:
    return functional.interpolate(latent, size=(rows, columns), mode=mode, antialias=antialias)


def _unscaled(mean: Tensor, model: LoadedModel) -> Tensor:
    shift = getattr(model.vae.config, "shift_factor", None) or 0.0
    return (mean.float() - shift) * float(model.vae.config.scaling_factor)


def _decode_one(model: LoadedModel, latent: Tensor, alone: bool = False) -> Tensor:
    shift = getattr(model.vae.config, "shift_factor", None) or 0.0
    scaled = latent / float(model.vae.config.scaling_factor) + shift
    sample, other = _decoded(model, model.vae, scaled.to(model.dtype), alone), wider()
    if other not in (None, model.dtype) and not torch.isfinite(sample).all():
        log.warning("the VAE gave NaN in %s; the picture is decoded in %s", model.dtype, other)
        sample = _decoded(model, model.wide.of(model.vae, other), scaled.to(other), alone)
    if not torch.isfinite(sample).all():
        raise BackendError(
            "the picture came out as NaN; the number format is too narrow for this model: "
            "try backend.dtype=float32"
        )
    return torch.clamp((sample.float() + 1.0) / 2.0, 0.0, 1.0)


def _decoded(model: LoadedModel, vae: Any, latent: Tensor, alone: bool) -> Tensor:
    tiled, stream = is_tiling(), model.decode_stream

    def sample(rows: Rows) -> Tensor:
        with torch.inference_mode(), tiling(tiled):
            decoded: Tensor = vae.decode(rows["latent"]).sample
            return decoded

    def forward(rows: Rows) -> Tensor:
        return sample(rows) if stream is None else stream.run(lambda: sample(rows))

    question = Question(("decode", id(vae), tiled), forward, {"latent": latent})
    return model.lane.ask(question, alone=alone)


def _to_raster(pixels: Tensor) -> RasterImage:
    # Made small on the device: a quarter of the bytes has to be copied.
    rows = (255.0 * pixels[0]).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return RasterImage(rows.shape[1], rows.shape[0], "RGB", np.ascontiguousarray(rows).tobytes())


def to_pixels(image: RasterImage) -> NDArray[np.uint8]:
    """(height, width, 3)."""
    return np.frombuffer(image.pixels, np.uint8).reshape(image.height, image.width, 3)


def to_tensor(image: RasterImage) -> Tensor:
    values = to_pixels(image).astype(np.float32) / 255.0
    return torch.from_numpy(np.moveaxis(values, 2, 0)[None].copy())
