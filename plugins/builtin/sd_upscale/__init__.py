"""Enlarges a picture, then draws over it tile by tile, so that details come at the size of a tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from core.domain.errors import InitImageMissing, Interrupted, InvalidValue
from core.domain.image import RasterImage
from core.domain.nearest import offered
from core.domain.request import GenerationRequest, ResizeMode
from core.domain.resources import ScriptArg
from core.domain.scripts import Script
from core.domain.upscaling import NO_UPSCALER
from core.drafts import Draw, DrawnImage, ScriptResult, Sheet
from plugins.builtin.tiles import Tile, TiledPicture, cut
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister

SCRIPT = Script(
    name="SD upscale",
    txt2img=False,
    fields=(
        ScriptArg(name="info", label="", value="Width and height are the size of a tile."),
        ScriptArg(name="overlap", label="Tile overlap", value=64, minimum=0, maximum=256, step=16),
        ScriptArg(name="upscaler", label="Upscaler", value=NO_UPSCALER, choices=(), filled_with="upscalers"),
        ScriptArg(name="scale_factor", label="Scale Factor", value=2.0, minimum=1, maximum=4, step=0.05),
    ),
)


class SdUpscalePlugin:
    """Offers the script."""

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        register.add(SCRIPT, run)


@dataclass(slots=True)
class _Work:
    """One enlarged picture in work. ``first``: the first tile that was drawn."""

    drawn: dict[Tile, RasterImage] = field(default_factory=dict)
    first: DrawnImage | None = None


def run(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> ScriptResult:
    if request.init is None or not request.init.images:
        raise InitImageMissing
    upscaler = _upscaler(args["upscaler"], draw.upscalers)
    picture = draw.open(request.init.images[0])
    if upscaler != NO_UPSCALER:
        picture = draw.upscale(picture, upscaler, args["scale_factor"])
    tiled = TiledPicture(*picture.size, (request.width, request.height), args["overlap"])
    batches = -(-tiled.count // request.batch_size)
    draw.expect(batches * request.n_iter, tiled.count * request.n_iter)
    works: list[_Work] = []
    try:
        for number in range(request.n_iter):
            works.append(_Work())
            _draw_tiles(replace(request, seed=request.seed + number), tiled, picture, draw, works[-1])
    except Interrupted:
        pass  # what there is of it is put together
    params = {"SD upscale overlap": args["overlap"], "SD upscale upscaler": upscaler}
    sheets = [
        Sheet(image=tiled.combined(picture, work.drawn), like=work.first, infotext_params=params, grid=False)
        for work in works
        if work.first is not None
    ]
    return ScriptResult(sheets=sheets, comments=_comments(request))


def _draw_tiles(
    request: GenerationRequest, tiled: TiledPicture, picture: RasterImage, draw: Draw, work: _Work
) -> None:
    """A batch of tiles after the other, the seed one higher each time."""
    init = request.init
    assert init is not None
    width, height = tiled.draw_size
    for number, start in enumerate(range(0, len(tiled.tiles), request.batch_size)):
        tiles = tiled.tiles[start : start + request.batch_size]
        images = tuple(draw.keep(cut(picture, tile)) for tile in tiles)
        drawn = draw(
            replace(
                request,
                init=replace(init, images=images, mask=None, resize_mode=ResizeMode.STRETCH),
                seed=request.seed + number,
                batch_size=len(tiles),
                n_iter=1,
                width=width,
                height=height,
                save_images=False,
            )
        )
        work.drawn.update((tile, one.image) for tile, one in zip(tiles, drawn, strict=False))
        work.first = work.first or next(iter(drawn), None)


def _upscaler(wanted: str, known: tuple[str, ...]) -> str:
    """By its name, or by its place in the list of upscalers."""
    if wanted.isdecimal() and int(wanted[:9]) < len(known):
        return known[int(wanted[:9])]
    found = next((name for name in known if name.casefold() == wanted.casefold()), None)
    if found is None:
        raise InvalidValue("SD upscale: upscaler", wanted, f"it must be one of {offered(wanted, known)}")
    return found


def _comments(request: GenerationRequest) -> list[str]:
    if request.init is None or request.init.mask is None:
        return []
    return ["SD upscale draws the whole picture; the mask was left out."]
