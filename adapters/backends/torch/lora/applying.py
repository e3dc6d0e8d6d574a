"""A checkpoint with LoRAs laid over it. The weights that no LoRA touches are shared with the plain one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from adapters.backends.torch.lora.deltas import Factors, change
from adapters.backends.torch.lora.files import LoraFile, read_lora
from adapters.backends.torch.lora.names import LayerNames
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.speed.fusing import fuse_again
from core.domain.errors import ModelError
from core.domain.families import TITLES

PARTS = ("unet", "text_encoder", "text_encoder_2")


@dataclass(frozen=True, slots=True)
class LoraUse:
    """One LoRA of a run.

    :ivar path: its file. :ivar unet: multiplier for the UNet. :ivar text_encoder: for the text encoders.
    """

    path: Path
    unet: float = 1.0
    text_encoder: float = 1.0


def with_loras(model: LoadedModel, loras: Sequence[LoraUse]) -> LoadedModel:
    """A model that draws with them. Raises :class:`ModelError`; the plain model stays as it is."""
    if model.fp8:
        raise ModelError("LoRAs cannot be laid over weights in fp8; set backend.fp8 to false to use them")
    if model.family.flow is not None:
        title = TITLES[model.family.name]
        raise ModelError(f"LoRAs are laid over UNets; over the transformer of {title} none can be laid yet")
    networks = {part: getattr(model, part) for part in PARTS if getattr(model, part) is not None}
    names = LayerNames({part: _layers(network) for part, network in networks.items()})
    files = [(use, read_lora(use.path, names)) for use in loras]
    changed: Any = {part: _changed(network, part, files) for part, network in networks.items()}
    return replace(model, **changed)


def _layers(network: nn.Module) -> list[str]:
    return [name for name, layer in network.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]


def _changed(network: nn.Module, part: str, files: Sequence[tuple[LoraUse, LoraFile]]) -> nn.Module:
    changes: dict[str, list[tuple[LoraFile, Factors, float]]] = {}
    for use, file in files:
        multiplier = use.unet if part == "unet" else use.text_encoder
        for (owner, path), factors in file.layers.items():
            if owner == part and multiplier:
                changes.setdefault(path, []).append((file, factors, multiplier))
    if not changes:
        return network
    own = sharing_copy(network)
    for path, parts in changes.items():
        _change_layer(own.get_submodule(path), path, parts)
    fuse_again(own)
    return own


def _change_layer(layer: Any, path: str, parts: Sequence[tuple[LoraFile, Factors, float]]) -> None:
    weight, bias = layer.weight, layer.bias
    total, total_bias = torch.zeros_like(weight, dtype=torch.float32), None
    for file, factors, multiplier in parts:
        on_device = {name: x.to(weight.device) for name, x in factors.items()}
        try:
            total += change(on_device, weight, multiplier)
        except ModelError as error:
            raise ModelError(
                f"the LoRA {file.name} cannot be laid over this model: at {path}, {error}"
            ) from None
        if "diff_b" in on_device and bias is not None:
            more = on_device["diff_b"].float() * multiplier
            total_bias = more if total_bias is None else total_bias + more
    layer.weight = _frozen(weight.float() + total, weight)
    if total_bias is not None:
        layer.bias = _frozen(bias.float() + total_bias, bias)


def _frozen(value: Tensor, like: Tensor) -> nn.Parameter:
    return nn.Parameter(value.to(like.dtype), requires_grad=False)
