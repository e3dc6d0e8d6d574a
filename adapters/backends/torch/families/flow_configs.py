"""What the weights of a flow model in one file say of its shape; what they do not is as its makers have it.

A configuration in the folder beside the file goes before these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from adapters.backends.torch.families.flow_kinds import LongText
from adapters.backends.torch.families.state import State
from core.domain.flow_families import FLUX, GUIDANCE, KLEIN, QWEN_IMAGE, SCHNELL, SD3, Z_IMAGE

Config = Mapping[str, Any]
_SD3_HEAD = 64
_ROPE = (16, 56, 56)
_PLACES = (1536, 512, 512)
"""Of words, rows and columns; places have the same numbers in a longer table."""


def shape_of(family: str, weights: State) -> dict[str, Any]:
    """The configuration of a transformer, from its weights under the names of its makers."""
    return _SHAPES[family](weights)


def _blocks(weights: State, kind: str) -> int:
    return len({name.split(".")[1] for name in weights if name.startswith(f"{kind}.")})


def _sd3(weights: State) -> dict[str, Any]:
    inner, channels = weights["x_embedder.proj.weight"].shape[:2]
    return {
        "sample_size": 128,
        "in_channels": channels,
        "out_channels": channels,
        "num_layers": _blocks(weights, "joint_blocks"),
        "attention_head_dim": _SD3_HEAD,
        "num_attention_heads": inner // _SD3_HEAD,
        "joint_attention_dim": weights["context_embedder.weight"].shape[1],
        "caption_projection_dim": weights["context_embedder.weight"].shape[0],
        "pooled_projection_dim": weights["y_embedder.mlp.0.weight"].shape[1],
        "pos_embed_max_size": math.isqrt(weights["pos_embed"].shape[1]),
        "qk_norm": "rms_norm" if "joint_blocks.0.x_block.attn.ln_q.weight" in weights else None,
        "dual_attention_layers": sorted(
            int(name.split(".")[1]) for name in weights if name.endswith("x_block.attn2.qkv.weight")
        ),
    }


def _flux(weights: State) -> dict[str, Any]:
    inner, numbers = weights["img_in.weight"].shape
    head = weights["double_blocks.0.img_attn.norm.query_norm.scale"].shape[0]
    return {
        "in_channels": numbers,
        "num_layers": _blocks(weights, "double_blocks"),
        "num_single_layers": _blocks(weights, "single_blocks"),
        "attention_head_dim": head,
        "num_attention_heads": inner // head,
        "joint_attention_dim": weights["txt_in.weight"].shape[1],
        "pooled_projection_dim": weights["vector_in.in_layer.weight"].shape[1],
        "guidance_embeds": GUIDANCE in weights,
        "axes_dims_rope": _ROPE,
    }


def _qwen_image(weights: State) -> dict[str, Any]:
    inner, numbers = weights["img_in.weight"].shape
    head = weights["transformer_blocks.0.attn.norm_q.weight"].shape[0]
    return {
        "in_channels": numbers,
        "out_channels": numbers // 4,
        "num_layers": _blocks(weights, "transformer_blocks"),
        "attention_head_dim": head,
        "num_attention_heads": inner // head,
        "joint_attention_dim": weights["txt_in.weight"].shape[1],
        "axes_dims_rope": _ROPE,
    }


def _z_image(weights: State) -> dict[str, Any]:
    inner, numbers = weights["x_embedder.weight"].shape
    head = weights["layers.0.attention.q_norm.weight"].shape[0]
    return {
        "in_channels": numbers // 4,
        "dim": inner,
        "n_layers": _blocks(weights, "layers"),
        "n_refiner_layers": _blocks(weights, "noise_refiner"),
        "n_heads": inner // head,
        "n_kv_heads": inner // head,
        "cap_feat_dim": weights["cap_embedder.1.weight"].shape[1],
        "axes_lens": _PLACES,
    }


def _klein(weights: State) -> dict[str, Any]:
    inner, numbers = weights["img_in.weight"].shape
    head = weights["double_blocks.0.img_attn.norm.query_norm.scale"].shape[0]
    return {
        "in_channels": numbers,
        "num_layers": _blocks(weights, "double_blocks"),
        "num_single_layers": _blocks(weights, "single_blocks"),
        "attention_head_dim": head,
        "num_attention_heads": inner // head,
        "joint_attention_dim": weights["txt_in.weight"].shape[1],
        # Two layers side by side, one of which opens and shuts the other.
        "mlp_ratio": weights["double_blocks.0.img_mlp.0.weight"].shape[0] / (2 * inner),
        "guidance_embeds": False,
    }


_SHAPES: Mapping[str, Callable[[State], dict[str, Any]]] = {
    SD3: _sd3,
    FLUX: _flux,
    SCHNELL: _flux,
    QWEN_IMAGE: _qwen_image,
    Z_IMAGE: _z_image,
    KLEIN: _klein,
}
LONG_TEXTS: Mapping[LongText, Config] = MappingProxyType(
    {
        LongText.T5: {
            "vocab_size": 32128,
            "d_model": 4096,
            "d_kv": 64,
            "d_ff": 10240,
            "num_layers": 24,
            "num_heads": 64,
            "feed_forward_proj": "gated-gelu",
            "tie_word_embeddings": False,
        },
        LongText.QWEN_VL: {
            "text_config": {
                "vocab_size": 152064,
                "hidden_size": 3584,
                "intermediate_size": 18944,
                "num_hidden_layers": 28,
                "num_attention_heads": 28,
                "num_key_value_heads": 4,
                "rms_norm_eps": 1e-6,
                "rope_parameters": {
                    "rope_type": "default",
                    "mrope_section": [16, 24, 24],
                    "rope_theta": 1000000.0,
                },
            },
        },
        LongText.QWEN: {
            "vocab_size": 151936,
            "hidden_size": 2560,
            "intermediate_size": 9728,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
        },
    }
)


def long_text_shape(kind: LongText, weights: State) -> dict[str, Any]:
    """The configuration of an encoder of long texts. Qwen3 comes in several sizes, which its weights tell."""
    return {**LONG_TEXTS[kind], **(_qwen(weights) if kind is LongText.QWEN else {})}


def _qwen(weights: State) -> dict[str, Any]:
    ends = {
        "words": "embed_tokens.weight",
        "wide": "layers.0.mlp.gate_proj.weight",
        "head": "layers.0.self_attn.q_norm.weight",
        "asked": "layers.0.self_attn.q_proj.weight",
        "keys": "layers.0.self_attn.k_proj.weight",
    }
    found = {key: weights[name].shape for key, end in ends.items() for name in weights if name.endswith(end)}
    if found.keys() != ends.keys():
        return {}
    head = found["head"][0]
    return {
        "vocab_size": found["words"][0],
        "hidden_size": found["words"][1],
        "intermediate_size": found["wide"][0],
        "num_hidden_layers": sum(name.endswith(".input_layernorm.weight") for name in weights),
        "num_attention_heads": found["asked"][0] // head,
        "num_key_value_heads": found["keys"][0] // head,
        "head_dim": head,
    }
