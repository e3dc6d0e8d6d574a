"""Putting what was painted back into the picture it came from."""

from __future__ import annotations

from PIL import Image, ImageOps

from adapters.images.resize import resize
from core.domain.request import ResizeMode


def overlay(
    picture: Image.Image, original: Image.Image, mask: Image.Image, paste_to: tuple[int, int, int, int] | None
) -> Image.Image:
    """``original`` with ``picture`` where ``mask`` is white."""
    canvas = _below(picture, original.size, paste_to)
    if mask.size != original.size:
        mask = mask.resize(original.size, Image.Resampling.LANCZOS)
    # By way of premultiplied colours, as the reference: grey parts of the mask depend on that rounding.
    top = Image.new("RGBa", original.size)
    top.paste(original.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    canvas.alpha_composite(top.convert("RGBA"))
    result = canvas.convert("RGB")
    result.paste(original.convert("RGB"), mask=mask.point(lambda value: 255 if value == 0 else 0))
    return result


def cut_out(
    picture: Image.Image, mask: Image.Image, paste_to: tuple[int, int, int, int] | None
) -> Image.Image:
    """``picture`` on nothing where ``mask`` is black, by way of premultiplied colours as the reference."""
    canvas = _below(picture, mask.size, paste_to).convert("RGBa")
    return Image.composite(canvas, Image.new("RGBa", mask.size), mask).convert("RGBA")


def _below(
    picture: Image.Image, size: tuple[int, int], paste_to: tuple[int, int, int, int] | None
) -> Image.Image:
    if paste_to is None:
        stretched = picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
        return stretched.convert("RGBA")
    x, y, width, height = paste_to
    canvas = Image.new("RGBA", size)
    canvas.paste(resize(picture, width, height, ResizeMode.CROP), (x, y))
    return canvas
