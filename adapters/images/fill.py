"""Masked content "fill": what lies around the mask, blurred into it."""

from __future__ import annotations

from PIL import Image, ImageFilter, ImageOps

# Radius of the blur, and how often its result is laid over what is there.
_LAYERS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))


def fill_masked(picture: Image.Image, mask: Image.Image) -> Image.Image:
    visible = Image.new("RGBa", picture.size)
    visible.paste(picture.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    result = Image.new("RGBA", picture.size)
    for radius, times in _LAYERS:
        layer = visible.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            result.alpha_composite(layer)
    return result.convert("RGB")
