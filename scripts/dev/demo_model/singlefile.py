"""The original single-file key layout of latent diffusion checkpoints, for networks of any depth.

Every name is derived from the configuration: the map holds for this model as for Stable Diffusion 1.x.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

Prefix = tuple[str, str]  # of the diffusers name, of the original name
RESNET: tuple[Prefix, ...] = (
    ("norm1.", "in_layers.0."),
    ("conv1.", "in_layers.2."),
    ("time_emb_proj.", "emb_layers.1."),
    ("norm2.", "out_layers.0."),
    ("conv2.", "out_layers.3."),
    ("conv_shortcut.", "skip_connection."),
)
VAE_ATTENTION: tuple[Prefix, ...] = (
    ("group_norm.", "norm."),
    ("to_q.", "q."),
    ("to_k.", "k."),
    ("to_v.", "v."),
    ("to_out.0.", "proj_out."),
)


def unet_prefixes(unet: UNet2DConditionModel) -> Iterator[Prefix]:
    """Where each block of the UNet goes."""
    yield "time_embedding.linear_1.", "time_embed.0."
    yield "time_embedding.linear_2.", "time_embed.2."
    yield "add_embedding.linear_1.", "label_emb.0.0."
    yield "add_embedding.linear_2.", "label_emb.0.2."
    yield "conv_in.", "input_blocks.0.0."
    yield "conv_norm_out.", "out.0."
    yield "conv_out.", "out.2."
    yield "mid_block.resnets.0.", "middle_block.0."
    yield "mid_block.attentions.0.", "middle_block.1."
    yield "mid_block.resnets.1.", "middle_block.2."
    yield from _down_prefixes(unet)
    yield from _up_prefixes(unet)


def _down_prefixes(unet: UNet2DConditionModel) -> Iterator[Prefix]:
    number = 1
    for i, kind in enumerate(unet.config.down_block_types):
        for j in range(unet.config.layers_per_block):
            yield f"down_blocks.{i}.resnets.{j}.", f"input_blocks.{number}.0."
            if "CrossAttn" in kind:
                yield f"down_blocks.{i}.attentions.{j}.", f"input_blocks.{number}.1."
            number += 1
        if i < len(unet.config.down_block_types) - 1:
            yield f"down_blocks.{i}.downsamplers.0.conv.", f"input_blocks.{number}.0.op."
            number += 1


def _up_prefixes(unet: UNet2DConditionModel) -> Iterator[Prefix]:
    number = 0
    kinds = unet.config.up_block_types
    for i, kind in enumerate(kinds):
        attends = "CrossAttn" in kind
        for j in range(unet.config.layers_per_block + 1):
            yield f"up_blocks.{i}.resnets.{j}.", f"output_blocks.{number}.0."
            if attends:
                yield f"up_blocks.{i}.attentions.{j}.", f"output_blocks.{number}.1."
            number += 1
        if i < len(kinds) - 1:
            yield f"up_blocks.{i}.upsamplers.0.", f"output_blocks.{number - 1}.{2 if attends else 1}."


def vae_prefixes(vae: AutoencoderKL) -> Iterator[Prefix]:
    """Where each block of the autoencoder goes."""
    for name in ("quant_conv.", "post_quant_conv."):
        yield name, name
    count, layers = len(vae.config.block_out_channels), vae.config.layers_per_block
    for half in ("encoder", "decoder"):
        for name in ("conv_in.", "conv_out."):
            yield f"{half}.{name}", f"{half}.{name}"
        yield f"{half}.conv_norm_out.", f"{half}.norm_out."
        yield f"{half}.mid_block.attentions.0.", f"{half}.mid.attn_1."
        for j in (0, 1):
            yield f"{half}.mid_block.resnets.{j}.", f"{half}.mid.block_{j + 1}."
    for i in range(count):
        back = count - 1 - i
        for j in range(layers):
            yield f"encoder.down_blocks.{i}.resnets.{j}.", f"encoder.down.{i}.block.{j}."
        for j in range(layers + 1):
            yield f"decoder.up_blocks.{i}.resnets.{j}.", f"decoder.up.{back}.block.{j}."
        yield f"encoder.down_blocks.{i}.downsamplers.0.", f"encoder.down.{i}.downsample."
        yield f"decoder.up_blocks.{i}.upsamplers.0.", f"decoder.up.{back}.upsample."


def _renamed(key: str, prefixes: list[Prefix], inner: tuple[Prefix, ...]) -> str:
    old, new = next(pair for pair in prefixes if key.startswith(pair[0]))
    rest = key[len(old) :]
    for inner_old, inner_new in inner:
        if rest.startswith(inner_old):
            return new + inner_new + rest[len(inner_old) :]
    return new + rest


def unet_state(unet: UNet2DConditionModel) -> dict[str, Tensor]:
    """The UNet's tensors under their original names."""
    prefixes = list(unet_prefixes(unet))
    state = {}
    for key, value in unet.state_dict().items():
        inner = RESNET if ".resnets." in key else ()
        state[f"model.diffusion_model.{_renamed(key, prefixes, inner)}"] = value
    return state


def vae_state(vae: AutoencoderKL) -> dict[str, Tensor]:
    """The autoencoder's tensors under their original names; its attention was made of 1x1 convolutions."""
    prefixes = list(vae_prefixes(vae))
    state = {}
    for key, value in vae.state_dict().items():
        name = _renamed(key, prefixes, VAE_ATTENTION if ".attentions." in key else ())
        name = name.replace("conv_shortcut", "nin_shortcut")
        if ".attn_1." in name and ".norm." not in name and value.ndim == 2:
            value = value[..., None, None]
        state[f"first_stage_model.{name}"] = value
    return state


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
