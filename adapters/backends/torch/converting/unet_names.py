"""How the makers of latent diffusion call the weights of a UNet and of a VAE, in single files.

Every name follows from the configuration, for a network of any depth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from torch import Tensor

from core.domain.families import UNET, VAE_PREFIX

State: TypeAlias = Mapping[str, Tensor]
_Prefix: TypeAlias = tuple[str, str]
"""Of the name in diffusers, and of the original."""

_RESNET: tuple[_Prefix, ...] = (
    ("norm1.", "in_layers.0."),
    ("conv1.", "in_layers.2."),
    ("time_emb_proj.", "emb_layers.1."),
    ("norm2.", "out_layers.0."),
    ("conv2.", "out_layers.3."),
    ("conv_shortcut.", "skip_connection."),
)
_VAE_ATTENTION: tuple[_Prefix, ...] = (
    ("group_norm.", "norm."),
    ("to_q.", "q."),
    ("to_k.", "k."),
    ("to_v.", "v."),
    ("to_out.0.", "proj_out."),
)
_FIXED: tuple[_Prefix, ...] = (
    ("time_embedding.linear_1.", "time_embed.0."),
    ("time_embedding.linear_2.", "time_embed.2."),
    ("time_embedding.cond_proj.", "time_embed.cond_proj."),
    ("add_embedding.linear_1.", "label_emb.0.0."),
    ("add_embedding.linear_2.", "label_emb.0.2."),
    ("conv_in.", "input_blocks.0.0."),
    ("conv_norm_out.", "out.0."),
    ("conv_out.", "out.2."),
    ("mid_block.resnets.0.", "middle_block.0."),
    ("mid_block.attentions.0.", "middle_block.1."),
    ("mid_block.resnets.1.", "middle_block.2."),
)


def original_unet(weights: State, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a UNet of diffusers under their original names."""
    prefixes = [*_FIXED, *_down(config), *_up(config)]
    return {
        UNET + _renamed(name, prefixes, _RESNET if ".resnets." in name else ()): x
        for name, x in weights.items()
    }


def original_vae(weights: State, config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The same of a VAE. Its attention was made of convolutions of one pixel."""
    prefixes = list(_of_vae(len(config["block_out_channels"]), config["layers_per_block"]))
    found = {}
    for name, x in weights.items():
        inner = _VAE_ATTENTION if ".attentions." in name else ()
        original = _renamed(name, prefixes, inner).replace("conv_shortcut", "nin_shortcut")
        flat = ".attn_1." in original and ".norm." not in original and x.ndim == 2
        found[VAE_PREFIX + original] = x[..., None, None] if flat else x
    return found


def _down(config: Mapping[str, Any]) -> Iterator[_Prefix]:
    number, kinds = 1, config["down_block_types"]
    for i, kind in enumerate(kinds):
        for j in range(config["layers_per_block"]):
            yield f"down_blocks.{i}.resnets.{j}.", f"input_blocks.{number}.0."
            if "CrossAttn" in kind:
                yield f"down_blocks.{i}.attentions.{j}.", f"input_blocks.{number}.1."
            number += 1
        if i < len(kinds) - 1:
            yield f"down_blocks.{i}.downsamplers.0.conv.", f"input_blocks.{number}.0.op."
            number += 1


def _up(config: Mapping[str, Any]) -> Iterator[_Prefix]:
    number, kinds = 0, config["up_block_types"]
    for i, kind in enumerate(kinds):
        attends = "CrossAttn" in kind
        for j in range(config["layers_per_block"] + 1):
            yield f"up_blocks.{i}.resnets.{j}.", f"output_blocks.{number}.0."
            if attends:
                yield f"up_blocks.{i}.attentions.{j}.", f"output_blocks.{number}.1."
            number += 1
        if i < len(kinds) - 1:
            yield f"up_blocks.{i}.upsamplers.0.", f"output_blocks.{number - 1}.{2 if attends else 1}."


def _of_vae(blocks: int, layers: int) -> Iterator[_Prefix]:
    for name in ("quant_conv.", "post_quant_conv."):
        yield name, name
    for half in ("encoder", "decoder"):
        for name in ("conv_in.", "conv_out."):
            yield f"{half}.{name}", f"{half}.{name}"
        yield f"{half}.conv_norm_out.", f"{half}.norm_out."
        yield f"{half}.mid_block.attentions.0.", f"{half}.mid.attn_1."
        for j in (0, 1):
            yield f"{half}.mid_block.resnets.{j}.", f"{half}.mid.block_{j + 1}."
    for i in range(blocks):
        back = blocks - 1 - i
        for j in range(layers):
            yield f"encoder.down_blocks.{i}.resnets.{j}.", f"encoder.down.{i}.block.{j}."
        for j in range(layers + 1):
            yield f"decoder.up_blocks.{i}.resnets.{j}.", f"decoder.up.{back}.block.{j}."
        yield f"encoder.down_blocks.{i}.downsamplers.0.", f"encoder.down.{i}.downsample."
        yield f"decoder.up_blocks.{i}.upsamplers.0.", f"decoder.up.{back}.upsample."


def _renamed(name: str, prefixes: list[_Prefix], inner: tuple[_Prefix, ...]) -> str:
    old, new = next(pair for pair in prefixes if name.startswith(pair[0]))
    rest = name.removeprefix(old)
    within = next((pair for pair in inner if rest.startswith(pair[0])), ("", ""))
    return new + within[1] + rest.removeprefix(within[0])
