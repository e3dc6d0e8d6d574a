"""Queries, keys and values of an attention by one product of matrices instead of three."""

from __future__ import annotations

from typing import Any

import torch


def fuse(unet: Any) -> None:
    """Fuse every attention of a UNet of diffusers, in place. The parts stay beside the whole, so that a LoRA
    finds them by their names."""
    with torch.no_grad():
        unet.fuse_qkv_projections()
    unet.requires_grad_(False)


def fuse_again(unet: Any) -> None:
    """After the parts have changed: the whole is made of them anew. A UNet that is not fused stays so."""
    if is_fused(unet):
        unet.unfuse_qkv_projections()
        fuse(unet)


def is_fused(unet: Any) -> bool:
    return getattr(unet, "original_attn_processors", None) is not None
