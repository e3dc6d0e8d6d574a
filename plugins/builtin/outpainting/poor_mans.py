"""Poor man's outpainting: all sides at once, tile by tile, from what the request puts under a mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.domain.errors import Interrupted
from core.domain.image import RasterImage
from core.domain.request import GenerationRequest, MaskedContent, ResizeMode
from core.domain.resources import ScriptArg
from core.domain.scripts import Script
from core.drafts import Draw, DrawnImage, ScriptResult, Sheet
from plugins.builtin.outpainting.borders import DIRECTION, PIXELS, comments, mask_blur_field, opened
from plugins.builtin.tiles import Tile, TiledPicture, cut

CONTENTS = ("fill", "original", "latent noise", "latent nothing")
"""By the numbers of ``MaskedContent``."""
SCRIPT = Script(
    name="Poor man's outpainting",
    txt2img=False,
    fields=(
        PIXELS,
        mask_blur_field(4),
        ScriptArg(name="inpainting_fill", label="Masked content", value="fill", choices=CONTENTS),
        DIRECTION,
    ),
)


@dataclass(slots=True)
class _Work:
    """One picture in work. ``first``: the first tile that was drawn."""

    drawn: dict[Tile, RasterImage] = field(default_factory=dict)
    first: DrawnImage | None = None


@dataclass(frozen=True, slots=True)
class _Canvas:
    """The picture with its edges drawn out, and the mask of what is new."""

    picture: RasterImage
    mask: RasterImage
    tiled: TiledPicture
    tiles: tuple[Tile, ...]


def run(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
    count = request.batch_size * request.n_iter
    canvas = _canvas(request, args, draw, count)
    works: list[_Work] = []
    try:
        for number in range(count):
            works.append(_Work())
            _draw_tiles(replace(request, seed=request.seed + number), canvas, args, draw, works[-1])
    except Interrupted:
        pass  # what there is of it is put together
    sheets = [
        Sheet(image=canvas.tiled.combined(canvas.picture, work.drawn), like=work.first, grid=False)
        for work in works
        if work.first is not None
    ]
    return ScriptResult(sheets=sheets, comments=comments(request))


def _canvas(request: GenerationRequest, args: Mapping[str, Any], draw: Draw, count: int) -> _Canvas:
    """
    :param count: how many pictures are drawn on it.
    """
    picture, wanted = opened(request, args, draw)
    mask = wanted.mask(picture.width, picture.height, inset=args["mask_blur"])
    old = Tile(wanted.left, wanted.up, picture.width, picture.height)
    tiled = TiledPicture(*mask.size, (request.width, request.height), args["pixels"])
    passes = (tiled.count - tiled.within(old)) * count
    draw.expect(passes, passes)
    tiles = tuple(tile for tile in tiled.tiles if not tile.is_in(old))
    return _Canvas(wanted.padded(picture), mask, tiled, tiles)


def _draw_tiles(
    request: GenerationRequest, canvas: _Canvas, args: Mapping[str, Any], draw: Draw, work: _Work
) -> None:
    """Those that touch what is new, the seed one higher for each."""
    init = request.init
    assert init is not None
    init = replace(
        init,
        mask_blur_x=2 * args["mask_blur"],
        mask_blur_y=2 * args["mask_blur"],
        mask_invert=False,
        masked_content=MaskedContent(CONTENTS.index(args["inpainting_fill"])),
        only_masked=False,
        resize_mode=ResizeMode.STRETCH,
    )
    width, height = canvas.tiled.draw_size
    for number, tile in enumerate(canvas.tiles):
        part, mask = draw.keep(cut(canvas.picture, tile)), draw.keep(cut(canvas.mask, tile))
        drawn = draw(
            replace(
                request,
                init=replace(init, images=(part,), mask=mask),
                seed=request.seed + number,
                batch_size=1,
                n_iter=1,
                width=width,
                height=height,
                save_images=False,
            )
        )
        work.drawn.update((tile, one.image) for one in drawn[:1])
        work.first = work.first or next(iter(drawn), None)
