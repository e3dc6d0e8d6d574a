"""Puts the trained parts together into one pipeline, and writes it in both layouts."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from . import singlefile

MAX_BYTES = 12 * 10**6
MAX_FILE_BYTES = 16 * 10**6
# Schedulers that know `clip_sample` turn it on by default, and these latents go beyond 1.
NO_CLIPPING: dict[str, object] = {"clip_sample": False, "set_alpha_to_one": False, "skip_prk_steps": True}


def assemble(
    vae: AutoencoderKL, text: CLIPTextModel, tokenizer: CLIPTokenizer, unet: UNet2DConditionModel
) -> StableDiffusionPipeline:
    """A pipeline of the given parts."""
    scheduler = EulerDiscreteScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        num_train_timesteps=1000,
        steps_offset=1,
        timestep_spacing="leading",
    )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write(pipeline: StableDiffusionPipeline, folder: Path) -> dict[str, int]:
    """Save the diffusers folder and the single file in half precision; returns their sizes in bytes."""
    pipeline = pipeline.to(dtype=torch.float16)
    target, single = folder / "pipeline", folder / "demo.safetensors"
    pipeline.save_pretrained(target)
    _change(target / "scheduler" / "scheduler_config.json", NO_CLIPPING)
    # Loaded without a type, this part alone would take the type that it was saved in.
    _change(target / "text_encoder" / "config.json", {"dtype": "float32"})
    singlefile.write(pipeline, single)
    sizes = {"pipeline": _size(target), "single": single.stat().st_size}
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o644)  # safetensors files are written for the owner alone
    if max(sizes.values()) > MAX_BYTES or max(path.stat().st_size for path in files) > MAX_FILE_BYTES:
        raise ValueError(f"the export is too large: {sizes}")
    return sizes


def _change(path: Path, values: dict[str, object]) -> None:
    config = json.loads(path.read_text("utf-8")) | values
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
