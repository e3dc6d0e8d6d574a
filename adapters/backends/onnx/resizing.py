"""Latents in another size, by the weights of torch's ``interpolate``: a table of shares for each side."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from adapters.backends.onnx.arrays import Floats

Mode = Literal["bilinear", "bicubic", "nearest", "nearest-exact"]
LATENT_MODES: dict[str, tuple[Mode, bool]] = {
    "Latent": ("bilinear", False),
    "Latent (antialiased)": ("bilinear", True),
    "Latent (bicubic)": ("bicubic", False),
    "Latent (bicubic antialiased)": ("bicubic", True),
    "Latent (nearest)": ("nearest", False),
    "Latent (nearest-exact)": ("nearest-exact", False),
}
"""What upscalers of hires fix mean, and whether they smooth what they shrink."""


def resized(
    latent: Floats, rows: int, columns: int, mode: Mode = "bilinear", antialias: bool = False
) -> Floats:
    down = _shares(latent.shape[2], rows, mode, antialias)
    across = _shares(latent.shape[3], columns, mode, antialias)
    return np.asarray(down @ latent @ across.T, np.float32)


def _shares(given: int, wanted: int, mode: Mode, antialias: bool) -> Floats:
    """How much each of ``given`` cells counts in each of ``wanted``."""
    table = np.zeros((wanted, given))
    scale = given / wanted
    for i in range(wanted):
        for place, share in _taps(i, scale, mode, antialias, given):
            table[i, min(max(place, 0), given - 1)] += share
    return table.astype(np.float32)


def _taps(i: int, scale: float, mode: Mode, antialias: bool, given: int) -> list[tuple[int, float]]:
    if mode == "nearest":
        return [(int(i * scale), 1.0)]
    if mode == "nearest-exact":
        return [(int((i + 0.5) * scale), 1.0)]
    centre = (i + 0.5) * scale - 0.5
    if antialias:
        return _smooth_taps(centre, scale, mode, given)
    if mode == "bilinear":
        # At the edge the line does not go on.
        return _filtered(range(int(max(centre, 0.0)), int(max(centre, 0.0)) + 2), max(centre, 0.0), _triangle)
    first = math.floor(centre) - 1
    return _filtered(range(first, first + 4), centre, lambda x: _cubic(x, -0.75))


def _smooth_taps(centre: float, scale: float, mode: Mode, given: int) -> list[tuple[int, float]]:
    """Where it shrinks, the filter is as wide as what becomes one cell."""
    wide = max(scale, 1.0)
    support = wide * (1.0 if mode == "bilinear" else 2.0)
    first, end = max(int(centre + 1.0 - support), 0), min(int(centre + 1.0 + support), given)
    shape = _triangle if mode == "bilinear" else _smooth_cubic
    taps = _filtered(range(first, end), centre, lambda x: shape(x / wide))
    whole = sum(share for _, share in taps)
    return [(place, share / whole) for place, share in taps]


def _filtered(places: range, centre: float, shape: Callable[[float], float]) -> list[tuple[int, float]]:
    return [(place, shape(place - centre)) for place in places]


def _triangle(x: float) -> float:
    return max(0.0, 1.0 - abs(x))


def _smooth_cubic(x: float) -> float:
    return _cubic(x, -0.5)


def _cubic(x: float, a: float) -> float:
    """Keys' kernel."""
    x = abs(x)
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    return (((x - 5.0) * x + 8.0) * x - 4.0) * a if x < 2.0 else 0.0
