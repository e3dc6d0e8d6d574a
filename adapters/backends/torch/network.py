"""The UNet as the denoiser calls it, with token merging where it is asked for."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.engine.batcher import Member
from adapters.backends.torch.engine.calls import Question
from adapters.backends.torch.flow.transformers import transformer_network
from adapters.backends.torch.guidance_embedding import guidance_embedding
from adapters.backends.torch.hook_drafts import TorchResiduals
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.sharing import sharing_copy
from adapters.backends.torch.speed.passes import PLAIN
from adapters.backends.torch.speed.plan import FP8
from adapters.backends.torch.step_cache.cached_steps import cached_steps
from adapters.backends.torch.takeover import Network, Place
from adapters.backends.torch.tiling import is_tiling
from adapters.backends.torch.unet import DOWN, whole
from core.domain.errors import InvalidValue


def check_merging(ratio: float) -> None:
    """Raises ``InvalidValue`` where tokens are to be merged and the library for it is missing."""
    if ratio > 0 and find_spec("tomesd") is None:
        expected = "merging tokens needs the package tomesd (pip install tomesd); 0 draws without"
        raise InvalidValue("token_merging_ratio", ratio, expected)


def unet_network(
    model: LoadedModel,
    member: Member,
    ratio: float = 0.0,
    scale: float = 1.0,
    marks: dict[str, str] | None = None,
) -> Network:
    """The UNet, asked through ``member``: runs in flight share its passes.

    :param scale: guidance, for a UNet that is told it.
    :param marks: told of what makes its pictures differ from those of the plain weights.
    """
    width = model.guidance_width
    told = None if width is None else guidance_embedding(scale, width).to(model.device, model.dtype)
    if model.family.flow is not None:
        return transformer_network(model, member, ratio)
    found = {} if marks is None else marks
    if model.fp8:
        found[FP8] = "Enable"
    unet = _merging(model.unet, ratio) if ratio > 0 else model.unet
    tiled = is_tiling()
    # A copy that merges is of this run alone, and tiling asks the thread: neither has a quicker form.
    passes = PLAIN if ratio > 0 or tiled else model.passes
    forward = passes.forward(unet, partial(whole, tiled=tiled), "whole")
    cached = cached_steps(unet, member, passes, model.passes.step_cache, tiled, found)

    def evaluate(
        x: Tensor,
        t: float,
        context: Tensor,
        vector: Tensor | None = None,
        residuals: TorchResiduals | None = None,
        place: Place | None = None,
    ) -> Tensor:
        rows = {
            "x": x.to(model.dtype),
            "times": torch.full((x.shape[0],), t, dtype=torch.float32, device=x.device),
            "context": context.to(model.dtype),
        }
        if vector is not None:
            rows["pooled"] = vector[:, : -model.family.sizes.count].to(model.dtype)
            rows["sizes"] = vector[:, -model.family.sizes.count :]
        if told is not None:
            rows["guided"] = told.expand(x.shape[0], -1)
        if residuals is not None:
            # They are rows as well, so runs that have some share passes with one another.
            rows["mid"] = residuals.mid.to(model.dtype)
            rows |= {f"{DOWN}{i}": one.to(model.dtype) for i, one in enumerate(residuals.down)}
        if cached is not None and place is not None and residuals is None:
            return cached.ask(rows, place)
        return member.ask(Question((id(unet), tiled), forward, rows))

    return evaluate


def _merging(unet: Any, ratio: float) -> Any:
    """A copy that merges, with the same weights. tomesd changes the modules that it is given, and keeps the
    size of the picture in them, so each run has its own."""
    check_merging(ratio)
    return import_module("tomesd").apply_patch(sharing_copy(unet), ratio=ratio, use_rand=False)
