"""A loaded model made ready for what the settings ask for."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from adapters.backends.torch.engine.merger import Lane
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.speed.decoding import DecodeStream
from adapters.backends.torch.speed.fp8 import quantise
from adapters.backends.torch.speed.fusing import fuse
from adapters.backends.torch.speed.passes import Passes
from adapters.backends.torch.speed.plan import SpeedPlan
from adapters.backends.torch.step_cache.deep import has_depth, watch_depth


def prepared(
    model: LoadedModel, plan: SpeedPlan, passes: Passes, stream: DecodeStream | None = None
) -> LoadedModel:
    """The same model. Its networks are changed in place; those of a flow model stay as they are, as all of
    this was made for UNets.

    :param stream: the one that it decodes on; None: that of the passes.
    """
    model = replace(
        model,
        lane=Lane(time.monotonic, plan.decode_rows),
        text_lane=Lane(time.monotonic, plan.encode_rows),
        decode_stream=stream,
        pinned=plan.pinned,
    )
    if model.family.flow is not None:
        return model
    if plan.channels_last:
        for network in (model.unet, model.vae):
            network.to(memory_format=torch.channels_last)
    if plan.fused and hasattr(model.unet, "fuse_qkv_projections"):
        fuse(model.unet)
    if plan.step_cache > 1 and has_depth(model.unet):
        watch_depth(model.unet)
    if plan.fp8:
        quantise(model.unet)
    return replace(model, passes=passes, fp8=plan.fp8)
