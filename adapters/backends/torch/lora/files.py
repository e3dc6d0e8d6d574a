"""A LoRA file in memory: the factors of each layer of one checkpoint."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from adapters.backends.torch.lora.names import LayerNames, split_name
from core.domain.errors import ModelError


@dataclass(frozen=True, slots=True)
class LoraFile:
    """The factors by part and layer.

    :ivar unknown: how many tensors belong to no layer of this checkpoint.
    """

    name: str
    layers: dict[tuple[str, str], dict[str, Tensor]]
    unknown: int


def read_lora(path: Path, names: LayerNames) -> LoraFile:
    """Raises :class:`ModelError`: it cannot be read, or it is for another family of models."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"the LoRA {path.name} cannot be read: {' '.join(str(error).split())[:200]}"
        ) from None
    layers: dict[tuple[str, str], dict[str, Tensor]] = defaultdict(dict)
    unknown = 0
    for name, tensor in tensors.items():
        split = split_name(name)
        place = names.find(split[0]) if split else None
        if split is None or place is None:
            unknown += 1
        else:
            layers[place][split[1]] = tensor
    if not layers:
        raise ModelError(
            f"the LoRA {path.name} has no layer of this model; it was made for another family of models"
        )
    return LoraFile(path.stem, dict(layers), unknown)
