"""What a latent looks like, for previews: cheap, and made only when somebody looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.color_fit import ColorFit, ColorFits
from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.families.reading import read_network
from adapters.backends.torch.importing import IMPORTING
from adapters.backends.torch.latents import decode
from adapters.backends.torch.model import LoadedModel
from core.domain.families import REFINER, SD1, SD2, SDXL
from core.domain.flow_families import FLUX, SCHNELL, SD3, Z_IMAGE
from core.domain.image import RasterImage

SMALL_VAE = 5_000_000
"""Parameters. A decoder below that costs less than a step, so previews use it."""

FULL, CHEAP, TINY = "Full", "Approx cheap", "TAESD"
FOLDER = "VAE-approx"
NAMES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys((SD1, SD2), "taesd"),
        **dict.fromkeys((SDXL, REFINER), "taesdxl"),
        SD3: "taesd3",
        **dict.fromkeys((FLUX, SCHNELL, Z_IMAGE), "taef1"),
    }
)
"""Folders of tiny decoders by family, in the layout of diffusers."""

REFERENCES = ColorFit(
    torch.tensor(
        [[0.298, 0.207, 0.208], [0.187, 0.286, 0.173], [-0.158, 0.189, 0.264], [-0.184, -0.271, -0.473]]
    ),
    torch.zeros(3),
)
"""The reference's, of SD1; SD2 has a VAE of the same latents."""


class Previews:
    """Makes previews in the way that the option ``show_progress_type`` says.

    ``Full`` asks the VAE; ``Approx cheap`` mixes the channels, as the reference does for SD1 and SD2 and as
    the VAE itself tells for others; ``TAESD`` asks a tiny decoder where its folder
    is there. Anything else, and ``TAESD`` without its folder, asks the VAE where that is small, and mixes the
    channels where it is not.

    :param models: holds ``VAE-approx/taesd`` and ``taesdxl``; None: there are none.
    """

    def __init__(self, models: Path | None = None) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._tiny: dict[Path, Any] = {}
        self._fits = ColorFits()

    def of(self, model: LoadedModel, latent: Tensor, kind: str) -> Callable[[], RasterImage]:
        """A function that makes the preview of the first picture of ``latent``; for any thread."""
        first = latent[:1].detach()
        if kind == CHEAP:
            return lambda: self._mixed(model, first)
        if kind == TINY and (folder := self._folder(model)) is not None:
            return lambda: self._decoded(folder, model, first)
        if kind == FULL or model.vae_parameters < SMALL_VAE:
            return lambda: decode(model, first)[0]
        return lambda: self._mixed(model, first)

    def _mixed(self, model: LoadedModel, latent: Tensor) -> RasterImage:
        own = model.family.name not in (SD1, SD2)
        fit = self._fits.of(model) if own else REFERENCES
        return _to_raster(fit(latent[0]))

    def _folder(self, model: LoadedModel) -> Path | None:
        if self._models is None:
            return None
        name = NAMES.get(model.family.name)
        folder = self._models / FOLDER / name if name else None
        return folder if folder is not None and (folder / "config.json").is_file() else None

    def _decoded(self, folder: Path, model: LoadedModel, latent: Tensor) -> RasterImage:
        network = self._loaded(folder, model)
        with NETWORKS.calling(), torch.inference_mode():
            sample: Tensor = network.decode(latent.to(model.dtype)).sample
        return _to_raster(sample[0].float().permute(1, 2, 0))

    def _loaded(self, folder: Path, model: LoadedModel) -> Any:
        with IMPORTING:
            from diffusers import AutoencoderTiny

        with self._lock:
            if folder not in self._tiny:
                network = read_network(folder, AutoencoderTiny, model.dtype)
                self._tiny[folder] = network.to(model.device).eval().requires_grad_(False)
            return self._tiny[folder]


def _to_raster(rgb: Tensor) -> RasterImage:
    """``rgb``: (height, width, 3) in -1..1."""
    pixels = ((rgb + 1.0) / 2.0).clamp(0.0, 1.0).mul(255.0).to(torch.uint8).cpu().numpy()
    return RasterImage(pixels.shape[1], pixels.shape[0], "RGB", pixels.tobytes())
