"""The networks of flow models: their classes, and how each is read from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.families.flow_kinds import FlowKind, LongText
from adapters.backends.torch.families.parts import read_json
from adapters.backends.torch.families.patch_vae import PatchVae
from adapters.backends.torch.families.reading import read_network, read_weights
from adapters.backends.torch.families.state import State, filled
from adapters.backends.torch.families.video_vae import StillVae
from adapters.backends.torch.importing import IMPORTING
from core.domain.errors import ModelError

_VIDEO_VAE, _PATCH_VAE = "AutoencoderKLQwenImage", "AutoencoderKLFlux2"
_BEFORE_LAYERS = ("model.language_model.", "language_model.model.", "language_model.", "model.")
_NOT_READ = ("model.visual.", "visual.", "lm_head.")
"""What such a model sees pictures and writes with."""


def flow_format(dtype: torch.dtype) -> torch.dtype:
    """Transformers and the encoders of long texts overflow in half precision."""
    return torch.bfloat16 if dtype == torch.float16 else dtype


def transformer_class(kind: FlowKind) -> Any:
    with IMPORTING:
        import diffusers

        return getattr(diffusers, kind.transformer)


def vae_class(kind: FlowKind) -> Any:
    with IMPORTING:
        import diffusers

        return getattr(diffusers, kind.vae)


def read_vae_folder(folder: Path, kind: FlowKind, dtype: torch.dtype) -> Any:
    return still(read_network(folder, vae_class(kind), dtype), kind)


def still(vae: Any, kind: FlowKind) -> Any:
    """As the loop knows VAEs."""
    if kind.vae == _VIDEO_VAE:
        return StillVae(vae)
    return PatchVae(vae) if kind.vae == _PATCH_VAE else vae


def read_long_encoder(folder: Path, kind: LongText, dtype: torch.dtype) -> Any:
    """T5's encoder, or the layers of a language model and no more of it. Raises ``ModelError``."""
    config = long_config(kind, read_json(folder / "config.json"))
    return long_encoder(kind, config, read_weights(folder), dtype, f"{folder.parent.name}/{folder.name}")


def long_encoder(kind: LongText, config: Any, weights: State, dtype: torch.dtype, words: str) -> Any:
    """T5's encoder, or the layers of a language model, with these weights."""
    cls, given = _class(kind), weights if kind is LongText.T5 else _of_layers(weights)
    return filled(lambda: cls(config), given, dtype, lambda name: False, words)


def _of_layers(weights: State) -> dict[str, Tensor]:
    found = {}
    for name, weight in weights.items():
        if name.startswith(_NOT_READ):
            continue
        before = next((prefix for prefix in _BEFORE_LAYERS if name.startswith(prefix)), "")
        found[name.removeprefix(before)] = weight
    return found


def long_config(kind: LongText, plain: Mapping[str, Any]) -> Any:
    """What the library knows of a configuration; of a model that sees as well, what it reads with."""
    with IMPORTING:
        from transformers import Qwen2_5_VLConfig, Qwen3Config, T5Config

    if kind is LongText.QWEN_VL:
        return Qwen2_5_VLConfig.from_dict(dict(plain)).text_config
    return (T5Config if kind is LongText.T5 else Qwen3Config).from_dict(dict(plain))


def _class(kind: LongText) -> Any:
    with IMPORTING:
        from transformers import Qwen3Model, T5EncoderModel
        from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLTextModel

    classes = {LongText.T5: T5EncoderModel, LongText.QWEN: Qwen3Model, LongText.QWEN_VL: Qwen2_5_VLTextModel}
    return classes[kind]


def check_inputs(transformer: Any, wanted: int, words: str) -> None:
    """Raises ``ModelError`` for a transformer that is shown more than the latents."""
    found = int(transformer.config.in_channels)
    if found != wanted:
        raise ModelError(f"{words} takes {found} channels; drawn with are those that take {wanted}")


def read_config(folder: Path) -> dict[str, Any]:
    """The configuration of a part; nothing where there is none."""
    path = folder / "config.json"
    return read_json(path) if path.is_file() else {}
