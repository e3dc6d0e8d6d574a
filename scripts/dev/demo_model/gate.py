"""The gate of the autoencoder: pictures drawn, encoded, decoded, and judged like the originals."""

from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image

from .evaluate import FRESH_SEED, specs_for
from .score import score_objects, score_scene
from .specs import ObjectsSpec, Spec
from .training import Machine
from .vae import encode, to_tensor
from .world import render


@torch.no_grad()
def round_trip(model: AutoencoderKL, machine: Machine, count: int, side: int = 128) -> dict[str, float]:
    """Mean PSNR and mean scores of `count` held-out pictures, before and after."""
    specs = [*specs_for("one", count // 2, FRESH_SEED), *specs_for("two", count // 4, FRESH_SEED)]
    specs += specs_for("scene", count - len(specs), FRESH_SEED)
    psnr, before, after = [], [], []
    for i, spec in enumerate(specs):
        original = render(spec, side, side, np.random.default_rng([9, i]))
        pixels = to_tensor(np.asarray(original)[None]).to(machine.device)
        returned = model.decode(encode(model, pixels)).sample.clamp(-1, 1)
        psnr.append(-10 * float(torch.log10((returned - pixels).pow(2).mean() / 4)))
        before.append(_scores(original, spec))
        after.append(_scores(_image(returned[0].cpu()), spec))
    shapes = [i for i, spec in enumerate(specs) if isinstance(spec, ObjectsSpec)]
    scenes = [i for i in range(len(specs)) if i not in shapes]
    return {
        "pictures": len(specs),
        "psnr": round(float(np.mean(psnr)), 3),
        "psnr_objects": round(float(np.mean([psnr[i] for i in shapes])), 3),
        "psnr_scenes": round(float(np.mean([psnr[i] for i in scenes])), 3),
        "color": round(float(np.mean([after[i][0] for i in shapes])), 4),
        "shape": round(float(np.mean([after[i][1] for i in shapes])), 4),
        "shape_of_originals": round(float(np.mean([before[i][1] for i in shapes])), 4),
        "time": round(float(np.mean([after[i][0] for i in scenes])), 4),
    }


def _scores(image: Image.Image, spec: Spec) -> tuple[float, float]:
    if isinstance(spec, ObjectsSpec):
        score = score_objects(image, spec)
        return score.color, score.shape
    return float(score_scene(image, spec)), 0.0


def _image(pixels: torch.Tensor) -> Image.Image:
    return Image.fromarray(((pixels.permute(1, 2, 0).numpy() + 1) * 127.5).round().astype(np.uint8))
