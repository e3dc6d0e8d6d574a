"""A checkpoint in the layout of diffusers: a folder for each part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from adapters.backends.torch.families.flow_folders import flow_family_in, read_flow_folder
from adapters.backends.torch.families.kinds import FAMILIES, PIPELINES, FamilyKind
from adapters.backends.torch.families.parts import Parts, network_class, read_json
from adapters.backends.torch.families.reading import read_network
from adapters.backends.torch.families.tokenizers import read_tokenizer
from core.domain.errors import ModelError
from core.domain.families import OPEN_CLIP_ACTIVATION, REFINER, SD1, SD2, SDXL
from core.domain.flow_families import FLOW_PIPELINES


def read_folder(folder: Path, dtype: torch.dtype) -> Parts:
    """Nothing is fetched, no pickle is opened. Raises ``ModelError``, or whatever the libraries raise."""
    index = read_json(folder / "model_index.json")
    kind = str(index.get("_class_name"))
    if (flow := flow_family_in(folder, kind)) is not None:
        return read_flow_folder(folder, flow, dtype)
    if kind not in PIPELINES:
        known = ", ".join([*PIPELINES, *FLOW_PIPELINES])
        raise ModelError(f"{folder.name} is a {kind}; this backend draws with {known} folders")
    family = _family(kind, index, folder)
    networks = {
        name: read_network(folder / name, network_class(name, family), dtype)
        for name in ("unet", "vae", *(encoder.part for encoder in family.encoders))
    }
    channels = int(networks["unet"].config.in_channels)
    if channels not in PIPELINES[kind]:
        raise ModelError(f"{folder.name}/unet has {channels} input channels; a {kind} has {PIPELINES[kind]}")
    tokenizers = {one.tokenizer: read_tokenizer(folder / one.tokenizer) for one in family.encoders}
    return Parts(family, networks, tokenizers, read_json(folder / "scheduler" / "scheduler_config.json"))


def _family(kind: str, index: dict[str, Any], folder: Path) -> FamilyKind:
    if "XL" in kind:
        entry = index.get("text_encoder")
        return FAMILIES[SDXL if isinstance(entry, list) and entry[0] is not None else REFINER]
    text = folder / "text_encoder" / "config.json"
    open_clip = text.is_file() and read_json(text).get("hidden_act") == OPEN_CLIP_ACTIVATION
    return FAMILIES[SD2 if open_clip else SD1]
