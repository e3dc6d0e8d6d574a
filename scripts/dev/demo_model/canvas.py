"""Drawing helpers shared by objects and landscapes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from .vocabulary import Color

Point = tuple[float, float]


def mix(first: Color, second: Color, share: float) -> Color:
    """`first` blended towards `second`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def jitter(color: Color, rng: np.random.Generator, spread: float = 4.0) -> Color:
    """A slightly different tone of the same colour."""
    noise = rng.uniform(-spread, spread, 3)
    red, green, blue = (int(np.clip(a + b, 0, 255)) for a, b in zip(color, noise, strict=True))
    return red, green, blue


def gradient(width: int, height: int, top: Color, bottom: Color) -> Image.Image:
    """A vertical gradient."""
    share = np.linspace(0, 1, max(height, 1))[:, None]
    column = np.asarray(top)[None] * (1 - share) + np.asarray(bottom)[None] * share
    pixels = np.broadcast_to(column[:, None].round(), (max(height, 1), width, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def disc(pen: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: Color | int) -> None:
    """A filled circle."""
    pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)


def turned(points: Sequence[Point], x: float, y: float, radius: float, angle: float) -> list[Point]:
    """Unit points scaled, turned and moved to their place."""
    cos, sin = np.cos(angle), np.sin(angle)
    return [(x + radius * (px * cos - py * sin), y + radius * (px * sin + py * cos)) for px, py in points]
