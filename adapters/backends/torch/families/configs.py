"""What a single file does not say of its networks: the configurations of each family as its makers have it.

A configuration in the folder beside the file goes before these.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from core.domain.families import REFINER, SD1, SD2, SDXL
from core.domain.flow_families import FLUX, KLEIN, QWEN_IMAGE, SCHNELL, SD3, Z_IMAGE

Config = Mapping[str, Any]

_WIDTHS = [320, 640, 1280, 1280]
_ATTENDS, _PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"
_ATTENDS_UP, _PLAIN_UP = "CrossAttnUpBlock2D", "UpBlock2D"
_SD_UNET: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": _WIDTHS,
    "down_block_types": [_ATTENDS, _ATTENDS, _ATTENDS, _PLAIN],
    "up_block_types": [_PLAIN_UP, _ATTENDS_UP, _ATTENDS_UP, _ATTENDS_UP],
}
_XL_ADDED: dict[str, Any] = {
    "sample_size": 128,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "use_linear_projection": True,
}
UNETS: Mapping[str, Config] = MappingProxyType(
    {
        SD1: {**_SD_UNET, "cross_attention_dim": 768, "attention_head_dim": 8},
        SD2: {
            **_SD_UNET,
            "cross_attention_dim": 1024,
            "attention_head_dim": [5, 10, 20, 20],
            "use_linear_projection": True,
        },
        SDXL: {
            **_XL_ADDED,
            "block_out_channels": _WIDTHS[:3],
            "down_block_types": [_PLAIN, _ATTENDS, _ATTENDS],
            "up_block_types": [_ATTENDS_UP, _ATTENDS_UP, _PLAIN_UP],
            "cross_attention_dim": 2048,
            "attention_head_dim": [5, 10, 20],
            "transformer_layers_per_block": [1, 2, 10],
            "projection_class_embeddings_input_dim": 2816,
        },
        REFINER: {
            **_XL_ADDED,
            "block_out_channels": [384, 768, 1536, 1536],
            "down_block_types": [_PLAIN, _ATTENDS, _ATTENDS, _PLAIN],
            "up_block_types": [_PLAIN_UP, _ATTENDS_UP, _ATTENDS_UP, _PLAIN_UP],
            "cross_attention_dim": 1280,
            "attention_head_dim": [6, 12, 24, 24],
            "transformer_layers_per_block": 4,
            "projection_class_embeddings_input_dim": 2560,
        },
    }
)
VAE: Config = MappingProxyType(
    {
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "layers_per_block": 2,
        "latent_channels": 4,
    }
)
_TOKENS: dict[str, Any] = {"vocab_size": 49408, "bos_token_id": 49406, "eos_token_id": 49407}
_CLIP_L: Config = {
    **_TOKENS,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
    "pad_token_id": 49407,
}
# The last layer of OpenCLIP-H is not used: the one before it goes through the last norm.
_CLIP_H: Config = {
    **_TOKENS,
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 23,
    "num_attention_heads": 16,
    "hidden_act": "gelu",
    "projection_dim": 512,
    "pad_token_id": 0,
}
_CLIP_G: Config = {
    **_TOKENS,
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
    "pad_token_id": 0,
}
TEXTS: Mapping[str, tuple[Config, ...]] = MappingProxyType(
    {
        SD1: (_CLIP_L,),
        SD2: (_CLIP_H,),
        SDXL: (_CLIP_L, _CLIP_G),
        REFINER: (_CLIP_G,),
        SD3: (_CLIP_L, _CLIP_G),
        FLUX: (_CLIP_L,),
        SCHNELL: (_CLIP_L,),
        QWEN_IMAGE: (),
        Z_IMAGE: (),
        KLEIN: (),
    }
)
"""One for each text encoder, in the order of the family's."""
