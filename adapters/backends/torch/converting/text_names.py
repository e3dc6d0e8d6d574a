"""How single files call the weights of a text encoder: CLIP's kept their names, OpenCLIP has its own."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from adapters.backends.torch.families.kinds import EncoderKind

_NAMES = (
    ("encoder.layers.", "transformer.resblocks."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
    (".self_attn.out_proj.", ".attn.out_proj."),
    ("final_layer_norm.", "ln_final."),
    ("embeddings.token_embedding.weight", "token_embedding.weight"),
    ("embeddings.position_embedding.weight", "positional_embedding"),
)


def original_text(one: EncoderKind, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under their original names."""
    plain = {name.removeprefix("text_model."): x for name, x in weights.items()}
    if one.open_clip:
        return {one.prefix + name: x for name, x in _open_clip(plain).items()}
    return {f"{one.prefix}text_model.{name}": x for name, x in plain.items()}


def _open_clip(plain: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The three projections of each attention become one, and the projection of the text is turned."""
    found = {}
    for name, x in plain.items():
        if ".self_attn.k_proj." in name or ".self_attn.v_proj." in name:
            continue
        if ".self_attn.q_proj." in name:
            three = [plain[name.replace(".q_proj.", f".{letter}_proj.")] for letter in "qkv"]
            name, x = name.replace(".self_attn.q_proj.", ".attn.in_proj_"), torch.cat(three)
        elif name == "text_projection.weight":
            name, x = "text_projection", x.T
        for ours, theirs in _NAMES:
            name = name.replace(ours, theirs)
        found[name] = x
    return found
