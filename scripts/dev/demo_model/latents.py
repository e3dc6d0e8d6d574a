"""Whitened latents: a change of coordinates folded into the autoencoder, and all pictures encoded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from .data import BUCKETS, Bucket, Progress, pixels_of
from .training import Machine
from .vae import SCALING_FACTOR, encode, to_tensor

SAMPLE = 1_500  # pictures that mean and covariance are taken from
SPREAD = 0.8  # standard deviation of a scaled channel; below 1, so that the last step hides the mean colour
LOG_VARIANCE = -6.0
CHUNK = 2_000
CHUNK_PIXELS = CHUNK * 128 * 128


@torch.no_grad()
def statistics(vae: AutoencoderKL, world: Path, machine: Machine) -> tuple[Tensor, Tensor]:
    """Mean (4) and covariance (4, 4) of the raw latents."""
    pixels = pixels_of(world, "128x128")[:SAMPLE]
    values = []
    for start in range(0, len(pixels), 32):
        batch = machine.images(to_tensor(pixels[start : start + 32]))
        with machine.autocast():
            raw = encode(vae, batch)
        values.append(raw.float().permute(0, 2, 3, 1).reshape(-1, 4).double().cpu())
    flat = torch.cat(values)
    return flat.mean(0), torch.cov(flat.T)


@torch.no_grad()
def fold_whitening(vae: AutoencoderKL, mean: Tensor, covariance: Tensor) -> None:
    """Change quant_conv and post_quant_conv so that scaled latents are white, with SPREAD as deviation.

    Both are 1x1 convolutions, so the change is exact: a picture that goes through comes out the same.
    """
    values, vectors = torch.linalg.eigh(covariance.double())
    whiten = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    forward = whiten * (SPREAD / SCALING_FACTOR)
    backward = torch.linalg.inv(forward)
    quant, post = vae.quant_conv, vae.post_quant_conv
    weight, bias = quant.weight[:4, :, 0, 0].double(), quant.bias[:4].double()
    quant.weight[:4, :, 0, 0] = (forward @ weight).float()
    quant.bias[:4] = (forward @ (bias - mean)).float()
    quant.weight[4:] = 0
    quant.bias[4:] = LOG_VARIANCE
    weight, bias = post.weight[:, :, 0, 0].double(), post.bias.double()
    post.weight[:, :, 0, 0] = (weight @ backward).float()
    post.bias[:] = (bias + weight @ mean).float()


def chunk_name(bucket: Bucket, number: int) -> str:
    return f"{bucket.name}.{number:03d}.npy"


@torch.no_grad()
def write(vae: AutoencoderKL, world: Path, folder: Path, machine: Machine, progress: Progress) -> None:
    """Encode every picture with a whitened autoencoder; chunks that are there already are kept."""
    for bucket in BUCKETS:
        pixels = pixels_of(world, bucket.name)
        size = max(1, CHUNK_PIXELS // (bucket.width * bucket.height))
        for number, start in enumerate(range(0, len(pixels), size)):
            target = folder / chunk_name(bucket, number)
            if not target.exists():
                chunk = np.concatenate(list(_encoded(vae, pixels[start : start + size], machine)))
                partial = target.with_suffix(".partial.npy")
                np.save(partial, chunk)
                partial.rename(target)
            progress(f"latents {bucket.name}", min(start + size, len(pixels)), len(pixels))


def _encoded(vae: AutoencoderKL, pixels: np.ndarray, machine: Machine) -> Iterator[np.ndarray]:
    batch = max(1, 16 * 128 * 128 // (pixels.shape[1] * pixels.shape[2]))
    for start in range(0, len(pixels), batch):
        part = machine.images(to_tensor(pixels[start : start + batch]))
        with machine.autocast():
            raw = encode(vae, part)
        yield (raw.float() * SCALING_FACTOR).half().cpu().numpy()


def load(folder: Path, bucket: Bucket) -> Tensor | None:
    """The scaled latents of a bucket that are written by now, in the order of its pictures."""
    chunks = []
    for number in range(10_000):
        path = folder / chunk_name(bucket, number)
        if not path.exists():
            break
        chunks.append(torch.from_numpy(np.load(path)))
    return torch.cat(chunks) if chunks else None
