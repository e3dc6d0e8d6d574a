"""The UNet as the denoiser calls it, with token merging where it is asked for."""

from __future__ import annotations

import copy
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.takeover import Network
from core.domain.errors import InvalidValue
from core.domain.options import OptionValues


def merging_ratio(options: OptionValues, *, from_picture: bool, hires: bool) -> float:
    """The share of tokens that are merged in a pass: its own option where that is not 0."""
    own = "token_merging_ratio_hr" if hires else "token_merging_ratio_img2img" if from_picture else ""
    return (options.number(own) if own else 0.0) or options.number("token_merging_ratio")


def check_merging(ratio: float) -> None:
    """Raises ``InvalidValue`` where tokens are to be merged and the library for it is missing."""
    if ratio > 0 and find_spec("tomesd") is None:
        expected = "merging tokens needs the package tomesd (pip install tomesd); 0 draws without"
        raise InvalidValue("token_merging_ratio", ratio, expected)


def unet_network(model: LoadedModel, ratio: float = 0.0) -> Network:
    unet = _merging(model.unet, ratio) if ratio > 0 else model.unet

    def evaluate(x: Tensor, t: float, context: Tensor) -> Tensor:
        times = torch.full((x.shape[0],), t, dtype=torch.float32, device=x.device)
        answer = unet(
            x.to(model.dtype), times, encoder_hidden_states=context.to(model.dtype), return_dict=False
        )
        predicted: Tensor = answer[0]
        return predicted.float()

    return evaluate


def _merging(unet: Any, ratio: float) -> Any:
    """A copy that merges, with the same weights. tomesd changes the modules that it is given, and keeps the
    size of the picture in them, so each run has its own."""
    check_merging(ratio)
    shared = {id(weight): weight for weight in (*unet.parameters(), *unet.buffers())}
    own = copy.deepcopy(unet, shared)
    return import_module("tomesd").apply_patch(own, ratio=ratio, use_rand=False)
