"""Models to measure with: the built-in one, and random weights of the exact shapes of SD 1.5 and SDXL."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "adapters" / "models" / "builtin" / "demo"
CACHE = ROOT / "build" / "bench"

SIZES = ("sd15", "sdxl")
PIXELS = {"demo": 128, "sd15": 512, "sdxl": 1024}
"""What each is made for."""

UNETS: Mapping[str, Mapping[str, Any]] = {
    "sd15": {
        "block_out_channels": (320, 640, 1280, 1280),
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
    },
    "sdxl": {
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
        "sample_size": 128,
    },
}
CLIP_L: Mapping[str, Any] = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "projection_dim": 768,
}
OPEN_CLIP_G: Mapping[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "projection_dim": 1280,
    "hidden_act": "gelu",
}


def model_folder(size: str) -> Path:
    """A diffusers folder; random weights are made once, in half precision, and kept in the build folder."""
    if size == "demo":
        return DEMO
    folder = CACHE / "Stable-diffusion" / size
    if not (folder / "model_index.json").is_file():
        _make(folder, size)
    return folder


def unet_of(size: str) -> Any:
    """A UNet of that shape, on torch's default device."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**UNETS[size])


def _make(folder: Path, size: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(0)
    _keep(unet_of(size), folder / "unet")
    _keep(_vae(size), folder / "vae")
    # The built-in tokenizer serves: what it costs does not depend on its words.
    shutil.copytree(DEMO / "tokenizer", folder / "tokenizer")
    shutil.copytree(DEMO / "scheduler", folder / "scheduler")
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    _keep(CLIPTextModel(_text(CLIP_L)), folder / "text_encoder")
    index = json.loads((DEMO / "model_index.json").read_text(encoding="utf-8"))
    if size == "sdxl":
        _keep(CLIPTextModelWithProjection(_text(OPEN_CLIP_G)), folder / "text_encoder_2")
        shutil.copytree(DEMO / "tokenizer", folder / "tokenizer_2")
        index |= {
            "_class_name": "StableDiffusionXLPipeline",
            "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
            "tokenizer_2": index["tokenizer"],
            "force_zeros_for_empty_prompt": True,
        }
        for name in ("safety_checker", "requires_safety_checker"):
            index.pop(name, None)
    # The last: a folder without it is made anew.
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")


def _vae(size: str) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=PIXELS[size],
        scaling_factor=0.13025 if size == "sdxl" else 0.18215,
        # Random weights do not overflow in half precision, and both sides have to decode in the same.
        force_upcast=False,
    )


def _text(shape: Mapping[str, Any]) -> Any:
    from transformers import CLIPTextConfig

    plain = json.loads((DEMO / "text_encoder" / "config.json").read_text(encoding="utf-8"))
    return CLIPTextConfig(**{**plain, **shape})


def _keep(part: torch.nn.Module, folder: Path) -> None:
    part.half().save_pretrained(folder)  # type: ignore[operator]
