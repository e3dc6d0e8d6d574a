"""The built-in model as one file in the original key layout of latent diffusion checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

from adapters.backends.torch.converting.unet_names import original_unet, original_vae

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline


def unet_state(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """The UNet's tensors under their original names."""
    return original_unet(unet.state_dict(), unet.config)


def vae_state(vae: AutoencoderKL) -> dict[str, Tensor]:
    """The autoencoder's tensors under their original names."""
    return original_vae(vae.state_dict(), vae.config)


def text_state(pipeline: StableDiffusionPipeline) -> dict[str, Tensor]:
    """The text encoder's tensors, which kept their names."""
    state = {}
    for key, value in pipeline.text_encoder.state_dict().items():
        name = key if key.startswith("text_model.") else f"text_model.{key}"
        state[f"cond_stage_model.transformer.{name}"] = value
    return state


def write(pipeline: StableDiffusionPipeline, target: Path) -> None:
    """Save the whole pipeline as one half-precision file."""
    state = unet_state(pipeline.unet) | vae_state(pipeline.vae) | text_state(pipeline)
    state = {name: value.detach().to("cpu", torch.float16).contiguous() for name, value in state.items()}
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, target, metadata={"format": "pt"})
