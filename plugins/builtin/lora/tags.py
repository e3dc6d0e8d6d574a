"""How strong a LoRA is to be: ``<lora:name:te:unet>``, or by name ``te=`` and ``unet=``."""

from __future__ import annotations

import math

from core.prompt.extra_networks import ExtraNetwork


def multipliers(tag: ExtraNetwork) -> tuple[float, float] | None:
    """For the UNet and for the text encoder; None for what is no number. Of the two, the UNet's is that of
    the text encoder unless it is given."""
    positional, named = tag.positional[1:], tag.options
    try:
        text_encoder = float(named.get("te", positional[0] if positional else "1"))
        unet = float(named.get("unet", positional[1] if len(positional) > 1 else text_encoder))
    except ValueError:
        return None
    return (unet, text_encoder) if math.isfinite(unet) and math.isfinite(text_encoder) else None
