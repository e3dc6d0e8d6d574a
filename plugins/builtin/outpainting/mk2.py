"""Outpainting mk2: one side after the other, from noise that looks like the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.domain.errors import Interrupted
from core.domain.image import RasterImage
from core.domain.request import GenerationRequest, MaskedContent, ResizeMode
from core.domain.resources import ScriptArg
from core.domain.scripts import Script
from core.domain.upscaling import CELL
from core.drafts import Draw, DrawnImage, ScriptResult, Sheet
from plugins.builtin.outpainting.borders import (
    DIRECTION,
    MULTIPLE,
    PIXELS,
    Borders,
    comments,
    mask_blur_field,
    opened,
)
from plugins.builtin.outpainting.noise import noise_like
from plugins.builtin.tiles import Tile, cut, picture_of, pixels_of, resized

BLUR_FACTOR = 4
"""The mask is blurred by so many times what is asked for, across the edge."""
SCRIPT = Script(
    name="Outpainting mk2",
    txt2img=False,
    fields=(
        ScriptArg(
            name="info", label="", value="Best with 80 to 100 steps, Euler a and a denoising strength of 0.8."
        ),
        PIXELS,
        mask_blur_field(8),
        DIRECTION,
        ScriptArg(
            name="noise_q",
            label="Fall-off exponent (lower=higher detail)",
            value=1.0,
            minimum=0,
            maximum=4,
            step=0.01,
        ),
        ScriptArg(
            name="color_variation", label="Color variation", value=0.05, minimum=0, maximum=1, step=0.01
        ),
    ),
)


@dataclass(slots=True)
class _Work:
    """A picture as far as it has grown. ``first``: what its first side was drawn as."""

    picture: RasterImage
    first: DrawnImage | None = None


def run(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
    picture, wanted = opened(request, args, draw)
    sides = [side for side in _sides(wanted) if side != Borders()]
    draw.expect(len(sides) * request.n_iter, len(sides) * request.n_iter * request.batch_size)
    works: list[_Work] = []
    try:
        for number in range(request.n_iter):
            batch = [_Work(picture) for _ in range(request.batch_size)]
            works += batch
            one = replace(request, seed=request.seed + number * request.batch_size)
            for side in sides:
                if not _grow(one, batch, side, args, draw):
                    break  # it was skipped
    except Interrupted:
        pass  # the sides that were drawn are kept
    sheets = [
        Sheet(image=work.picture, like=work.first, grid=False) for work in works if work.first is not None
    ]
    return ScriptResult(sheets=sheets, comments=comments(request))


def _sides(wanted: Borders) -> Sequence[Borders]:
    return (
        Borders(left=wanted.left),
        Borders(right=wanted.right),
        Borders(up=wanted.up),
        Borders(down=wanted.down),
    )


def _grow(
    request: GenerationRequest, works: Sequence[_Work], side: Borders, args: Mapping[str, Any], draw: Draw
) -> bool:
    """One side of every picture, in one pass. They all have the same size. False: nothing grew."""
    init, before = request.init, works[0].picture
    assert init is not None
    canvases = [_canvas(work.picture, side, args) for work in works]
    window = _window(request, before, side)
    mask = side.mask(before.width, before.height, inset=2 * args["mask_blur"])
    blur, across = BLUR_FACTOR * args["mask_blur"], side.left + side.right > 0
    fill = Borders(right=-window.width % CELL, down=-window.height % CELL)
    drawn = draw(
        replace(
            request,
            init=replace(
                init,
                images=tuple(draw.keep(fill.padded(cut(canvas, window))) for canvas in canvases),
                mask=draw.keep(fill.padded(cut(mask, window))),
                mask_blur_x=blur if across else 0,
                mask_blur_y=0 if across else blur,
                mask_invert=False,
                masked_content=MaskedContent.ORIGINAL,
                only_masked=False,
                resize_mode=ResizeMode.STRETCH,
            ),
            n_iter=1,
            width=window.width + fill.right,
            height=window.height + fill.down,
            save_images=False,
        )
    )
    if len(drawn) != len(works):
        return False
    for work, canvas, one in zip(works, canvases, drawn, strict=True):
        whole = Tile(0, 0, window.width + fill.right, window.height + fill.down)
        work.picture = _pasted(canvas, window, cut(resized(one.image, whole), replace(window, left=0, top=0)))
        work.first = work.first or one
    return True


def _canvas(picture: RasterImage, side: Borders, args: Mapping[str, Any]) -> RasterImage:
    """The picture with noise where it grows."""
    pixels = pixels_of(side.padded(picture)).copy()
    known = pixels_of(side.mask(picture.width, picture.height))[:, :, 0] == 0
    noise = noise_like(pixels, known, args["noise_q"], args["color_variation"])
    pixels[~known] = noise[~known]
    return picture_of(pixels)


def _window(request: GenerationRequest, before: RasterImage, side: Borders) -> Tile:
    """What is drawn of the canvas: the new part, with as much of the rest as the request's size has room
    for."""
    width, height = before.width + side.left + side.right, before.height + side.up + side.down
    if side.left or side.right:
        depth = min(width, max(request.width, side.left + side.right + MULTIPLE))
        return Tile(0 if side.left else width - depth, 0, depth, height)
    depth = min(height, max(request.height, side.up + side.down + MULTIPLE))
    return Tile(0, 0 if side.up else height - depth, width, depth)


def _pasted(canvas: RasterImage, window: Tile, drawn: RasterImage) -> RasterImage:
    pixels = pixels_of(canvas).copy()
    rows, columns = (
        slice(window.top, window.top + window.height),
        slice(window.left, window.left + window.width),
    )
    pixels[rows, columns] = pixels_of(drawn)
    return picture_of(pixels)
