"""The sizes of hires fix: first pass, upscaling, what is cut off."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.domain.errors import InvalidValue
from core.domain.geometry.box import Size

LATENT = 8
"""Pixels along a side of one latent."""


@dataclass(frozen=True, slots=True)
class HiresRequest:
    """What the request and the option ``use_old_hires_fix_width_height`` say, 0 meaning: not given."""

    width: int
    height: int
    scale: float = 2.0
    resize_x: int = 0
    resize_y: int = 0
    firstphase_width: int = 0
    firstphase_height: int = 0
    old_sizes: bool = False


@dataclass(frozen=True, slots=True)
class HiresSizes:
    """``first``: drawn first. ``upscaled``: to this the upscaler brings it. ``truncate_x`` and
    ``truncate_y``: so many latent columns and rows are then cut off, half of them (rounded down) at
    the left and top."""

    first: Size
    upscaled: Size
    truncate_x: int = 0
    truncate_y: int = 0

    @property
    def upscaled_latent(self) -> Size:
        return Size(self.upscaled.width // LATENT, self.upscaled.height // LATENT)

    @property
    def latent(self) -> Size:
        """The second pass's latent."""
        whole = self.upscaled_latent
        return Size(whole.width - self.truncate_x, whole.height - self.truncate_y)

    @property
    def final(self) -> Size:
        return Size(self.latent.width * LATENT, self.latent.height * LATENT)


def hires_sizes(request: HiresRequest) -> HiresSizes:
    """Raises ``InvalidValue`` where nothing would be left to draw."""
    first = Size(request.firstphase_width or request.width, request.firstphase_height or request.height)
    x, y = request.resize_x, request.resize_y
    if request.old_sizes:
        x, y = first
        first = Size(*old_first_pass_size(*first))
    if min(first) < LATENT:
        raise InvalidValue("width and height", tuple(first), f"each is at least {LATENT}")
    sizes = _sizes(first, x, y, request.scale)
    if min(sizes.latent) < 1:
        raise InvalidValue("hires size", tuple(sizes.upscaled), f"each side is at least {LATENT}")
    return sizes


def _sizes(first: Size, x: int, y: int, scale: float) -> HiresSizes:
    width, height = first
    if not x and not y:
        return HiresSizes(first, Size(int(width * scale), int(height * scale)))
    by_width, by_height = Size(x, x * height // width), Size(y * width // height, y)
    if not y:
        return HiresSizes(first, by_width)
    if not x:
        return HiresSizes(first, by_height)
    upscaled = by_width if width / height < x / y else by_height
    return HiresSizes(first, upscaled, (upscaled.width - x) // LATENT, (upscaled.height - y) // LATENT)


def old_first_pass_size(width: int, height: int) -> tuple[int, int]:
    """The first pass of before hires fix had its own size: about 512×512 pixels, sides by 64."""
    scale = math.sqrt(512 * 512 / (width * height))
    return math.ceil(scale * width / 64) * 64, math.ceil(scale * height / 64) * 64
