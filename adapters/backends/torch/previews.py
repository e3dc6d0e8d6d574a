"""What a latent looks like, for previews: cheap, and made only when somebody looks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.latents import decode
from adapters.backends.torch.model import LoadedModel
from core.domain.image import RasterImage

SMALL_VAE = 5_000_000
"""Parameters. A decoder below that costs less than a step, so previews use it."""

FULL, CHEAP, TINY = "Full", "Approx cheap", "TAESD"
FOLDER = "VAE-approx"
NAMES = {True: "taesdxl", False: "taesd"}
"""Folders of tiny decoders, in the layout of diffusers; that of SDXL first."""

# Four latent channels of SD1 to RGB in -1..1.
_SD1_TO_RGB = (
    (0.298, 0.207, 0.208),
    (0.187, 0.286, 0.173),
    (-0.158, 0.189, 0.264),
    (-0.184, -0.271, -0.473),
)


class Previews:
    """Makes previews in the way that the option ``show_progress_type`` says.

    ``Full`` asks the VAE; ``Approx cheap`` mixes the channels; ``TAESD`` asks a tiny decoder where its folder
    is there. Anything else, and ``TAESD`` without its folder, asks the VAE where that is small, and mixes the
    channels where it is not.

    :param models: holds ``VAE-approx/taesd`` and ``taesdxl``; None: there are none.
    """

    def __init__(self, models: Path | None = None) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._tiny: dict[Path, Any] = {}

    def of(self, model: LoadedModel, latent: Tensor, kind: str) -> Callable[[], RasterImage]:
        """A function that makes the preview of the first picture of ``latent``; for any thread."""
        first = latent[:1].detach()
        if kind == CHEAP:
            return lambda: _mixed(first)
        if kind == TINY and (folder := self._folder(model)) is not None:
            return lambda: self._decoded(folder, model, first)
        if kind == FULL or model.vae_parameters < SMALL_VAE:
            return lambda: decode(model, first)[0]
        return lambda: _mixed(first)

    def _folder(self, model: LoadedModel) -> Path | None:
        if self._models is None:
            return None
        folder = self._models / FOLDER / NAMES[model.text_encoder_2 is not None]
        return folder if (folder / "config.json").is_file() else None

    def _decoded(self, folder: Path, model: LoadedModel, latent: Tensor) -> RasterImage:
        network = self._loaded(folder, model)
        with torch.inference_mode():
            sample: Tensor = network.decode(latent.to(model.dtype)).sample
        return _to_raster(sample[0].float().permute(1, 2, 0))

    def _loaded(self, folder: Path, model: LoadedModel) -> Any:
        from diffusers import AutoencoderTiny

        with self._lock:
            if folder not in self._tiny:
                network = AutoencoderTiny.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, dtype=model.dtype
                )
                self._tiny[folder] = network.to(model.device).eval().requires_grad_(False)
            return self._tiny[folder]


def _mixed(latent: Tensor) -> RasterImage:
    weights = torch.tensor(_SD1_TO_RGB, device=latent.device, dtype=latent.dtype)
    return _to_raster(torch.einsum("chw,cr->hwr", latent[0], weights))


def _to_raster(rgb: Tensor) -> RasterImage:
    """``rgb``: (height, width, 3) in -1..1."""
    pixels = ((rgb + 1.0) / 2.0).clamp(0.0, 1.0).mul(255.0).to(torch.uint8).cpu().numpy()
    return RasterImage(pixels.shape[1], pixels.shape[0], "RGB", pixels.tobytes())
