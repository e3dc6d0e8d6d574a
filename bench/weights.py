"""Models to measure with: the built-in one, and random weights of the exact shape of Stable Diffusion 1.5."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "adapters" / "models" / "builtin" / "demo"
CACHE = ROOT / "build" / "bench"


def model_folder(size: str) -> Path:
    """A diffusers folder; random weights are made once, in half precision, and kept in the build folder."""
    if size == "demo":
        return DEMO
    folder = CACHE / "Stable-diffusion" / size
    if not (folder / "model_index.json").is_file():
        _make_sd15(folder)
    return folder


def _make_sd15(folder: Path) -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    shutil.rmtree(folder, ignore_errors=True)
    torch.manual_seed(0)
    channels = (320, 640, 1280, 1280)
    unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8, block_out_channels=channels)
    _keep(unet, folder / "unet")
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        sample_size=512,
    )
    _keep(vae, folder / "vae")
    # The built-in tokenizer serves: what it costs does not depend on its words.
    shutil.copytree(DEMO / "tokenizer", folder / "tokenizer")
    text = json.loads((DEMO / "text_encoder" / "config.json").read_text(encoding="utf-8"))
    large = {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
    }
    _keep(CLIPTextModel(CLIPTextConfig(**{**text, **large, "projection_dim": 768})), folder / "text_encoder")
    shutil.copytree(DEMO / "scheduler", folder / "scheduler")
    shutil.copy(DEMO / "model_index.json", folder / "model_index.json")


def _keep(part: torch.nn.Module, folder: Path) -> None:
    part.half().save_pretrained(folder)  # type: ignore[operator]
