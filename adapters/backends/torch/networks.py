"""Networks that enlarge pictures, run in tiles. Where they come from is not known here."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from adapters.backends.torch.engine.gate import NETWORKS
from adapters.backends.torch.engine.heeding import heeding
from core.domain.geometry import Size
from core.domain.image import RasterImage
from core.domain.upscaling import Tiling, tile_starts, tile_weights
from core.ports.driven import RunWatch

MOST_PASSES = 3
"""How often a network may work on its own output to reach a size, as in the reference."""


class PictureNetwork(Protocol):
    """(1, 3, height, width) in 0..1 to the same ``scale`` times as large, on any device."""

    @property
    def scale(self) -> int: ...

    def __call__(self, pixels: Tensor) -> Tensor: ...


def passes_to(source: Size, target: Size, scale: int) -> int:
    """How often a network must work until ``target`` is reached."""
    if scale <= 1:
        return 1
    passes = 0
    while passes < MOST_PASSES and (source.width < target.width or source.height < target.height):
        source = Size(source.width * scale, source.height * scale)
        passes += 1
    return passes


def enlarge(
    network: PictureNetwork, image: RasterImage, size: Size, passes: int, tiling: Tiling, watch: RunWatch
) -> RasterImage:
    """``image`` through the network ``passes`` times, then exactly ``size`` by Lanczos. Alpha by Lanczos."""
    picture = Image.frombytes(image.mode, image.size, image.pixels)
    progress = _Progress(watch, _count_tiles(Size(*image.size), passes, network.scale, tiling))
    values = np.asarray(picture.convert("RGB"), dtype=np.float32) / 255.0
    pixels = torch.from_numpy(np.moveaxis(values, 2, 0)[None].copy())
    with heeding(watch.check), torch.inference_mode():
        for _ in range(passes):
            pixels = _tiled(network, pixels, tiling, progress)
    if passes == 0:
        progress.step()
    rows = (pixels[0].clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).permute(1, 2, 0).numpy()
    larger = Image.fromarray(np.ascontiguousarray(rows))
    target = (size.width, size.height)
    if larger.size != target:
        larger = larger.resize(target, Image.Resampling.LANCZOS)
    if image.mode == "L":
        larger = larger.convert("L")
    elif image.mode == "RGBA":
        larger.putalpha(picture.getchannel("A").resize(target, Image.Resampling.LANCZOS))
    return RasterImage(size.width, size.height, image.mode, larger.tobytes())


class _Progress:
    """Tells the watch one step for each tile of all passes."""

    def __init__(self, watch: RunWatch, tiles: int) -> None:
        self._watch = watch
        self._done = 0
        watch.begin_pass(tiles)

    def check(self) -> None:
        self._watch.check()

    def step(self) -> None:
        self._done += 1
        self._watch.step(self._done)


def _count_tiles(size: Size, passes: int, scale: int, tiling: Tiling) -> int:
    count = 0
    for _ in range(passes):
        count += len(tile_starts(size.width, tiling)) * len(tile_starts(size.height, tiling))
        size = Size(size.width * scale, size.height * scale)
    return max(1, count)


def _tiled(network: PictureNetwork, pixels: Tensor, tiling: Tiling, progress: _Progress) -> Tensor:
    """One pass. Tiles are blended by shares that sum to one in every pixel, so no seam is seen."""
    _, channels, height, width = pixels.shape
    scale = network.scale
    tops, lefts = tile_starts(height, tiling), tile_starts(width, tiling)
    if len(tops) * len(lefts) == 1:
        progress.check()
        with NETWORKS.calling():
            whole = _three_channels(network(pixels))
        progress.step()
        return whole
    rows, tile_height = _shares(height, tops, tiling, scale)
    columns, tile_width = _shares(width, lefts, tiling, scale)
    result = torch.zeros((1, channels, height * scale, width * scale))
    for top, row in zip(tops, rows, strict=True):
        for left, column in zip(lefts, columns, strict=True):
            progress.check()
            tile = pixels[:, :, top : top + tile_height, left : left + tile_width]
            with NETWORKS.calling():
                answer = network(tile)
            drawn = _three_channels(answer) * row[:, None] * column[None, :]
            y, x = top * scale, left * scale
            result[:, :, y : y + drawn.shape[2], x : x + drawn.shape[3]] += drawn
            progress.step()
    return result


def _shares(length: int, starts: tuple[int, ...], tiling: Tiling, scale: int) -> tuple[list[Tensor], int]:
    """The shares of the tiles of one side at the size that comes out, and the tiles' length."""
    tile = tiling.tile if len(starts) > 1 else length
    weights = tile_weights(length * scale, tuple(start * scale for start in starts), tile * scale)
    return [torch.tensor(row) for row in weights], tile


def _three_channels(pixels: Tensor) -> Tensor:
    return pixels.expand(-1, 3, -1, -1) if pixels.shape[1] == 1 else pixels
