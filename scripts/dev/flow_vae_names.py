"""From the names that diffusers gives the weights of a VAE to those of its makers."""

from __future__ import annotations

import re

_LAYERS = {"norm1": "residual.0", "conv1": "residual.2", "norm2": "residual.3", "conv2": "residual.6"}
_VIDEO = (
    (r"^quant_conv\.", "conv1."),
    (r"^post_quant_conv\.", "conv2."),
    (r"\.conv_in\.", ".conv1."),
    (r"\.norm_out\.", ".head.0."),
    (r"\.conv_out\.", ".head.2."),
    (r"\.mid_block\.attentions\.0\.", ".middle.1."),
    (r"\.conv_shortcut\.", ".shortcut."),
    (r"\.down_blocks\.", ".downsamples."),
)
_BLOCK, _LAYERS_OF_UP_BLOCK = re.compile(r"\.up_blocks\.(\d)\.(?:resnets|upsamplers)\.(\d)\."), 4
_MIDDLE = re.compile(r"\.mid_block\.resnets\.(\d)\.")
_IN_RESNET = re.compile(r"(?<=\.)(norm1|conv1|norm2|conv2)(?=\.)")
_PATCHES = (
    ("first_stage_model.quant_conv.", "encoder.quant_conv."),
    ("first_stage_model.post_quant_conv.", "decoder.post_quant_conv."),
    ("first_stage_model.", ""),
)


def video_name(name: str) -> str:
    """Of a VAE of moving pictures, whose makers count the layers of all blocks in one row."""
    if "resnets" in name or ".down_blocks." in name:
        name = _IN_RESNET.sub(lambda found: _LAYERS[found[1]], name)
    for pattern, original in _VIDEO:
        name = re.sub(pattern, original, name)
    name = _MIDDLE.sub(lambda found: f".middle.{2 * int(found[1])}.", name)
    last = _LAYERS_OF_UP_BLOCK - 1 if "upsamplers" in name else 0
    return _BLOCK.sub(
        lambda found: f".upsamples.{_LAYERS_OF_UP_BLOCK * int(found[1]) + int(found[2]) + last}.", name
    )


def patch_name(name: str) -> str:
    """Of the VAE of Flux.2, from the names of an older one."""
    found, original = next(pair for pair in _PATCHES if name.startswith(pair[0]))
    return original + name.removeprefix(found)
