"""The two ways through a UNet that caches its deep features.

Skip connections make a UNet a nest of paths. The outermost one goes from the first convolution straight to
the last block of the way up; what comes from within changes slowly from step to step. A *keeping* pass is a
whole one that also gives what came from within; a *shallow* pass takes that as given and computes only the
outermost path.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor, nn

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.tiling import tiling
from adapters.backends.torch.unet import told_beside, whole

_local = threading.local()


def has_depth(unet: Any) -> bool:
    """Whether it is a UNet that this is known to be right for: no class embeddings, no embedded guidance."""
    config = getattr(unet, "config", None)
    plain = all(
        getattr(config, name, None) is None
        for name in ("class_embed_type", "num_class_embeds", "time_cond_proj_dim")
    )
    return plain and all(hasattr(unet, name) for name in ("up_blocks", "conv_norm_out", "get_aug_embed"))


def watch_depth(unet: Any) -> None:
    """Let keeping passes see what the last block is given."""
    unet.up_blocks[-1].resnets[-1].register_forward_pre_hook(_keep)


def _keep(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
    # Of the thread that runs the pass: others may run another network at the same time.
    _local.given = given[0]


def keeping(unet: Any, *, tiled: bool) -> Forward:
    """The whole pass; behind the channels of its answer come those of the deep features."""
    run = whole(unet, tiled=tiled)

    def forward(rows: Rows) -> Tensor:
        answer = run(rows)
        given, _local.given = _local.given, None
        deep = given[:, : -unet.conv_in.out_channels]
        return torch.cat([answer, deep.float()], dim=1)

    return forward


def split(unet: Any, answer: Tensor) -> tuple[Tensor, Tensor]:
    """The answer and the deep features of a keeping pass. The features have their own memory: that of the
    pass is shared with its company."""
    channels = unet.conv_out.out_channels
    return answer[:, :channels], answer[:, channels:].to(unet.dtype, copy=True)


def shallow(unet: Any, *, tiled: bool) -> Forward:
    """The outermost path alone, with ``rows["deep"]`` in place of all that lies within."""

    def forward(rows: Rows) -> Tensor:
        with tiling(tiled):
            return _outermost(unet, rows).float()

    return forward


def _outermost(unet: Any, rows: Rows) -> Tensor:
    told, moment = told_beside(rows), _moment(unet, rows)
    context = unet.process_encoder_hidden_states(
        encoder_hidden_states=rows["context"], added_cond_kwargs=told
    )
    block = unet.up_blocks[-1]
    hidden = block.resnets[-1](torch.cat([rows["deep"], unet.conv_in(rows["x"])], dim=1), moment)
    if hasattr(block, "attentions"):
        hidden = block.attentions[-1](hidden, encoder_hidden_states=context, return_dict=False)[0]
    answer: Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(hidden)))
    return answer


def _moment(unet: Any, rows: Rows) -> Any:
    """The embedding of the time and of what is told beside the text."""
    moment = unet.time_embedding(unet.get_time_embed(sample=rows["x"], timestep=rows["times"]))
    more = unet.get_aug_embed(
        emb=moment, encoder_hidden_states=rows["context"], added_cond_kwargs=told_beside(rows)
    )
    moment = moment if more is None else moment + more
    return moment if unet.time_embed_act is None else unet.time_embed_act(moment)
