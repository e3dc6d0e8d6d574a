"""Weights of upscalers read by spandrel. Importing this module imports spandrel, and that torchvision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spandrel
import torch
from torch import Tensor

from adapters.backends.torch.devices import choose_device
from adapters.backends.torch.networks import PictureNetwork
from core.domain.errors import ModelError


@dataclass(frozen=True, slots=True)
class SpandrelNetwork:
    """A network that spandrel described."""

    descriptor: Any
    device: torch.device

    @property
    def scale(self) -> int:
        return int(self.descriptor.scale)

    def __call__(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device)
        if self.descriptor.input_channels == 1:
            pixels = pixels.mean(dim=1, keepdim=True)
        answer: Tensor = self.descriptor(pixels)
        return answer.float().cpu()


def read_network(path: Path, device: str) -> PictureNetwork:
    """The network of a safetensors file. Raises :class:`ModelError`; a pickle is refused."""
    if path.suffix.lower() != ".safetensors":
        raise ModelError(f"{path.name} is no safetensors file, and nothing else is opened")
    try:
        found = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except Exception as error:  # its message lists keys of the file; the caller needs one sentence
        raise ModelError(
            f"{path.name} is of no architecture that spandrel knows, or is damaged ({type(error).__name__})"
        ) from error
    if not isinstance(found, spandrel.ImageModelDescriptor) or found.input_channels not in (1, 3):
        raise ModelError(f"{path.name} is a {found.architecture.name}, which enlarges no picture by itself")
    place = choose_device(device)
    return SpandrelNetwork(found.to(place).eval(), place)
