"""The resize modes: how large a picture is scaled, where it goes, what is filled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from core.domain.errors import InvalidValue
from core.domain.geometry.box import Box, Size

JUST_RESIZE, CROP, FILL, LATENT_UPSCALE = range(4)


class Border(NamedTuple):
    """An empty ``target`` on the canvas, filled by stretching ``source``, an edge line of the scaled
    picture (in its own coordinates)."""

    target: Box
    source: Box


@dataclass(frozen=True, slots=True)
class ResizePlan:
    """Scale to ``scaled``, put it at ``x``, ``y`` (negative: cut) on a canvas of ``canvas``, fill the
    ``borders``. For "just resize (latent upscale)" both sizes are the picture's own."""

    canvas: Size
    scaled: Size
    x: int = 0
    y: int = 0
    borders: tuple[Border, ...] = ()


def resize_plan(mode: int, source: Size, target: Size) -> ResizePlan:
    if mode == LATENT_UPSCALE:
        return ResizePlan(source, source)
    if mode == JUST_RESIZE:
        return ResizePlan(target, target)
    if mode not in (CROP, FILL):
        raise InvalidValue("resize_mode", mode, "it is 0, 1, 2 or 3")
    scaled = _scaled(mode, source, target)
    x = target.width // 2 - scaled.width // 2
    y = target.height // 2 - scaled.height // 2
    borders = _borders(target, scaled, x, y) if mode == FILL else ()
    return ResizePlan(target, scaled, x, y, borders)


def _scaled(mode: int, source: Size, target: Size) -> Size:
    wanted, has = target.width / target.height, source.width / source.height
    if wanted > has if mode == CROP else wanted < has:
        width, height = target.width, source.height * target.width // source.width
    else:
        width, height = source.width * target.height // source.height, target.height
    return Size(max(width, 1), max(height, 1))


def _borders(canvas: Size, scaled: Size, x: int, y: int) -> tuple[Border, ...]:
    width, height = scaled
    sides = (
        Border(Box(0, 0, canvas.width, y), Box(0, 0, width, 1)),
        Border(Box(0, y + height, canvas.width, canvas.height), Box(0, height - 1, width, height)),
        Border(Box(0, 0, x, canvas.height), Box(0, 0, 1, height)),
        Border(Box(x + width, 0, canvas.width, canvas.height), Box(width - 1, 0, width, height)),
    )
    return tuple(side for side in sides if side.target.width > 0 and side.target.height > 0)


def upscale_factor(source: Size, target: Size) -> float:
    """By how much an upscaler is to enlarge before the exact resize; 1 or less: it is not asked."""
    return max(target.width / source.width, target.height / source.height)


def upscaler_target(source: Size, scale: float) -> Size:
    """What an upscaler must reach: sides that are multiples of 8."""
    return Size(int(source.width * scale // 8 * 8), int(source.height * scale // 8 * 8))
