"""Weights read by spandrel. Importing this module imports spandrel, and that torchvision."""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import spandrel
import torch
from torch import Tensor

from adapters.backends.torch.devices import choose_device
from adapters.backends.torch.face_networks import FaceNetwork
from adapters.backends.torch.networks import PictureNetwork
from core.domain.errors import ModelError

FACES = "FaceSR"
"""The purpose of networks that take one upright face."""


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


@dataclass(frozen=True, slots=True)
class SpandrelFaces:
    """A face restorer. These networks work on -1..1, which spandrel leaves to its callers.

    :ivar settings: named arguments of each call; the one named in ``weighed`` takes the weight.
    """

    model: Any
    device: torch.device
    settings: dict[str, bool]
    weighed: str | None

    def __call__(self, pixels: Tensor, weight: float) -> Tensor:
        given = {self.weighed: weight} if self.weighed else {}
        answer: Tensor = self.model(pixels.to(self.device) * 2.0 - 1.0, **self.settings, **given)[0]
        return (answer.float().cpu() + 1.0) / 2.0


def read_network(path: Path, device: str) -> PictureNetwork:
    """The network of a safetensors file. Raises :class:`ModelError`; a pickle is refused."""
    found = _described(path)
    enlarges = isinstance(found, spandrel.ImageModelDescriptor) and found.purpose != FACES
    if not enlarges or found.input_channels not in (1, 3):
        raise ModelError(f"{path.name} is a {found.architecture.name}, which enlarges no picture by itself")
    place = choose_device(device)
    return SpandrelNetwork(found.to(place).eval(), place)


def read_face_network(name: str, path: Path, device: str) -> FaceNetwork:
    """The face restorer ``name`` from a safetensors file. Raises :class:`ModelError`."""
    with suppress(ImportError):  # without it CodeFormer is of no architecture that spandrel knows
        import_module("spandrel_extra_arches").install(ignore_duplicates=True)
    found = _described(path)
    if found.architecture.id != name:
        raise ModelError(f"{path.name} is a {found.architecture.name}, no {name}")
    place = choose_device(device)
    model = found.to(place).eval().model
    taken = inspect.signature(model.forward).parameters
    # The noise that was stored with the weights: the same face comes out the same each time.
    settings = {key: False for key in ("randomize_noise", "return_rgb") if key in taken}
    return SpandrelFaces(model, place, settings, next((key for key in ("weight", "w") if key in taken), None))


def _described(path: Path) -> Any:
    if path.suffix.lower() != ".safetensors":
        raise ModelError(f"{path.name} is no safetensors file, and nothing else is opened")
    try:
        return spandrel.ModelLoader(device="cpu").load_from_file(path)
    except Exception as error:  # its message lists keys of the file; the caller needs one sentence
        raise ModelError(
            f"{path.name} is of no architecture that spandrel knows, or is damaged ({type(error).__name__})"
        ) from error
