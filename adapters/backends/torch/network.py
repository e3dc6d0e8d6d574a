"""The UNet as the denoiser calls it, with token merging where it is asked for."""

from __future__ import annotations

import copy
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.engine.batcher import Member
from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.takeover import Network
from adapters.backends.torch.tiling import is_tiling, tiling
from core.domain.errors import InvalidValue


def check_merging(ratio: float) -> None:
    """Raises ``InvalidValue`` where tokens are to be merged and the library for it is missing."""
    if ratio > 0 and find_spec("tomesd") is None:
        expected = "merging tokens needs the package tomesd (pip install tomesd); 0 draws without"
        raise InvalidValue("token_merging_ratio", ratio, expected)


def unet_network(model: LoadedModel, member: Member, ratio: float = 0.0) -> Network:
    """The UNet, asked through ``member``: runs in flight share its passes."""
    unet = _merging(model.unet, ratio) if ratio > 0 else model.unet
    tiled = is_tiling()

    def forward(rows: Rows) -> Tensor:
        told = {"text_embeds": rows["pooled"], "time_ids": rows["sizes"]} if "pooled" in rows else None
        # Whichever thread runs the pass: the flag is of the run that asks.
        with tiling(tiled):
            answer = unet(
                rows["x"],
                rows["times"],
                encoder_hidden_states=rows["context"],
                added_cond_kwargs=told,
                return_dict=False,
            )
        predicted: Tensor = answer[0]
        return predicted.float()

    def evaluate(x: Tensor, t: float, context: Tensor, vector: Tensor | None = None) -> Tensor:
        rows = {
            "x": x.to(model.dtype),
            "times": torch.full((x.shape[0],), t, dtype=torch.float32, device=x.device),
            "context": context.to(model.dtype),
        }
        if vector is not None:
            rows["pooled"] = vector[:, : -model.family.sizes.count].to(model.dtype)
            rows["sizes"] = vector[:, -model.family.sizes.count :]
        return member.ask(Question((id(unet), tiled), forward, rows))

    return evaluate


def _merging(unet: Any, ratio: float) -> Any:
    """A copy that merges, with the same weights. tomesd changes the modules that it is given, and keeps the
    size of the picture in them, so each run has its own."""
    check_merging(ratio)
    shared = {id(weight): weight for weight in (*unet.parameters(), *unet.buffers())}
    own = copy.deepcopy(unet, shared)
    return import_module("tomesd").apply_patch(own, ratio=ratio, use_rand=False)
