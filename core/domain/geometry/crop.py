"""Inpainting at full resolution: the part of the picture that is cut out, drawn and put back."""

from __future__ import annotations

from typing import NamedTuple

from core.domain.geometry.box import Box, Size


class PasteTo(NamedTuple):
    """Where the drawn part goes back: its left, top, width and height in the whole picture."""

    x: int
    y: int
    width: int
    height: int


def crop_region(mask_box: Box | None, image: Size, padding: int = 0) -> Box | None:
    """The box of the mask's non-zero pixels, padded inside the picture; ``None`` for an empty mask."""
    if mask_box is None:
        return None
    return Box(
        max(mask_box.x1 - padding, 0),
        max(mask_box.y1 - padding, 0),
        min(mask_box.x2 + padding, image.width),
        min(mask_box.y2 + padding, image.height),
    )


def expand_to_aspect(region: Box, processing: Size, image: Size) -> Box:
    """The region with its short side grown to the shape of ``processing``, as far as the picture goes."""
    wanted = processing.width / processing.height
    if region.width / region.height > wanted:
        y1, y2 = _grow(region.y1, region.y2, region.width / wanted, image.height)
        return Box(region.x1, y1, region.x2, y2)
    x1, x2 = _grow(region.x1, region.x2, region.height * wanted, image.width)
    return Box(x1, region.y1, x2, region.y2)


def _grow(low: int, high: int, wanted: float, limit: int) -> tuple[int, int]:
    more = int(wanted - (high - low))
    low -= more // 2
    high += more - more // 2
    beyond = max(high - limit, 0)
    low, high = low - beyond, high - beyond
    before = max(-low, 0)
    return low + before, min(high + before, limit)


def paste_to(region: Box) -> PasteTo:
    return PasteTo(region.x1, region.y1, region.width, region.height)


def masked_region(mask_box: Box | None, image: Size, processing: Size, padding: int) -> Box | None:
    """What "only masked" works on; ``None`` for an empty mask: plain img2img then."""
    region = crop_region(mask_box, image, padding)
    return None if region is None else expand_to_aspect(region, processing, image)
