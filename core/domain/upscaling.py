"""Enlarging pictures that exist: names, sizes, and how a large picture is worked on in tiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.errors import InvalidValue
from core.domain.geometry import Size, upscaler_target
from core.domain.nearest import offered
from core.domain.options import OptionValues
from core.domain.resources import UpscalerRef

NO_UPSCALER = "None"
LATENT_UPSCALERS = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)
"""They enlarge what is sampled, between the two passes of hires fix."""

CELL = 8


@dataclass(frozen=True, slots=True)
class Tiling:
    """Pixels of the picture that goes in. ``tile`` 0: the picture in one piece."""

    tile: int = 192
    overlap: int = 8


def tiling_of(upscaler: UpscalerRef, options: OptionValues) -> Tiling:
    """What the options say for upscalers of that kind, which is the folder that its weights lie in."""
    folder = (upscaler.path or "").partition("/")[0].lower()
    if folder == "scunet":
        return Tiling(256, 8)
    name = "DAT" if folder == "dat" else "ESRGAN"
    return Tiling(int(options.number(f"{name}_tile")), int(options.number(f"{name}_tile_overlap")))


def enlarged(size: Size, factor: float) -> Size:
    """The size that an upscaler brings a picture to: multiples of 8, at least one of them."""
    target = upscaler_target(size, factor)
    return Size(max(CELL, target.width), max(CELL, target.height))


def tile_starts(length: int, tiling: Tiling) -> tuple[int, ...]:
    """Where the tiles of one side begin, evenly spread; neighbours overlap by ``overlap`` or more.

    An overlap of more than three quarters counts as that, so that no option makes tiles without end.
    """
    tile = tiling.tile
    if tile <= 0 or length <= tile:
        return (0,)
    stride = max(1, tile // 4, tile - tiling.overlap)
    count = math.ceil((length - tile) / stride) + 1
    return tuple(round(index * (length - tile) / (count - 1)) for index in range(count))


def tile_weights(length: int, starts: tuple[int, ...], tile: int) -> list[list[float]]:
    """For each tile of one side the share that it has in each of its pixels.

    The shares of two neighbours fade linearly over what they have in common; they sum to 1 in every pixel.
    """
    tile = min(tile, length) if len(starts) > 1 else length
    rows = []
    for index, start in enumerate(starts):
        before = starts[index - 1] + tile - start if index else 0
        after = start + tile - starts[index + 1] if index + 1 < len(starts) else 0
        rows.append([min(_ramp(x, before), _ramp(tile - 1 - x, after)) for x in range(tile)])
    totals = [0.0] * length
    for start, row in zip(starts, rows, strict=True):
        for x, weight in enumerate(row):
            totals[start + x] += weight
    return [
        [weight / totals[start + x] for x, weight in enumerate(row)]
        for start, row in zip(starts, rows, strict=True)
    ]


def _ramp(distance: int, overlap: int) -> float:
    return min(1.0, (distance + 0.5) / overlap) if overlap > 0 else 1.0


def check_upscaler(field: str, name: str, known: Sequence[str]) -> None:
    """Raises ``InvalidValue`` for an upscaler that there is not."""
    if name not in known:
        raise InvalidValue(field, name, f"it must be one of {offered(name, known)}")
