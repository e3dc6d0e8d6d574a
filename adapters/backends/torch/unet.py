"""One pass of a UNet of diffusers over rows."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from adapters.backends.torch.engine.calls import Forward, Rows
from adapters.backends.torch.tiling import tiling

DOWN = "down "


def whole(unet: Any, *, tiled: bool) -> Forward:
    """The pass that computes everything.

    :param tiled: pad circularly, whichever thread runs it: the flag is of the run that asks.
    """

    def forward(rows: Rows) -> Tensor:
        with tiling(tiled):
            answer = unet(
                rows["x"],
                rows["times"],
                encoder_hidden_states=rows["context"],
                added_cond_kwargs=told_beside(rows),
                timestep_cond=rows.get("guided"),
                return_dict=False,
                **_residuals(rows),
            )
        predicted: Tensor = answer[0]
        return predicted.float()

    return forward


def told_beside(rows: Rows) -> dict[str, Tensor] | None:
    """What it is told beside the text, if it is told anything."""
    return {"text_embeds": rows["pooled"], "time_ids": rows["sizes"]} if "pooled" in rows else None


def _residuals(rows: Rows) -> dict[str, Any]:
    if "mid" not in rows:
        return {}
    down = tuple(rows[name] for name in rows if name.startswith(DOWN))
    return {"down_block_additional_residuals": down, "mid_block_additional_residual": rows["mid"]}
