"""Pictures of one or two coloured objects on a plain background."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Point, disc, gradient, jitter, mix, turned
from .specs import ObjectsSpec, Thing
from .vocabulary import COLORS, Color

BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)
LIGHT = ("white", "yellow", "pink", "cyan", "gray", "orange")
# Radius as a share of half of the shorter side. Shapes are kept large: at 128 px a latent cell is 8 px wide.
RADII = {"small": (0.30, 0.35), "": (0.48, 0.56), "large": (0.72, 0.80)}
PAIR_RADII = {"small": (0.26, 0.29), "": (0.38, 0.43)}
TILT = 0.06


def _star() -> list[Point]:
    radii = [1.1 if i % 2 == 0 else 0.46 for i in range(10)]
    return [(r * math.sin(math.pi * i / 5), -r * math.cos(math.pi * i / 5)) for i, r in enumerate(radii)]


def _heart() -> list[Point]:
    points = []
    for i in range(48):
        t = 2 * math.pi * i / 48
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((math.sin(t) ** 3 * 1.02, -y / 15.5))
    return points


def _cross(a: float = 0.34) -> list[Point]:
    right = [(a, -1.0), (a, -a), (1.0, -a), (1.0, a), (a, a), (a, 1.0)]
    return [*right, *((-x, -y) for x, y in right)]


OUTLINES: dict[str, list[Point]] = {
    "square": [(-0.86, -0.86), (0.86, -0.86), (0.86, 0.86), (-0.86, 0.86)],
    "triangle": [(0.0, -1.0), (1.05, 0.82), (-1.05, 0.82)],
    "diamond": [(0.0, -1.08), (0.7, 0.0), (0.0, 1.08), (-0.7, 0.0)],
    "hexagon": [(math.cos(math.pi / 3 * i), math.sin(math.pi / 3 * i)) for i in range(6)],
    "star": _star(),
    "heart": _heart(),
    "cross": _cross(),
}


def mask_of(
    shape: str, size: tuple[int, int], x: float, y: float, radius: float, tilt: float = 0.0
) -> Image.Image:
    """The silhouette of a shape, white on black."""
    mask = Image.new("L", size, 0)
    pen = ImageDraw.Draw(mask)
    if shape in OUTLINES:
        pen.polygon(turned(OUTLINES[shape], x, y, radius, tilt), fill=255)
        return mask
    disc(pen, x, y, radius, 255)
    if shape == "ring":
        disc(pen, x, y, radius * 0.52, 0)
    elif shape == "moon":
        disc(pen, x + 0.5 * radius, y - 0.18 * radius, radius * 0.80, 0)
    return mask


def draw(spec: ObjectsSpec, width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Draw the specification at this size."""
    ground = jitter(COLORS[spec.background], rng)
    image = gradient(width, height, mix(ground, WHITE, 0.05), mix(ground, BLACK, 0.05))
    for thing, (x, y, radius) in zip(spec.things, _places(spec, width, height, rng), strict=True):
        _draw_thing(image, thing, x, y, radius, rng)
    return image


def _places(
    spec: ObjectsSpec, width: int, height: int, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    half = min(width, height) / 2
    if len(spec.things) == 1:
        radius = rng.uniform(*RADII[spec.things[0].size]) * half
        reach = 0.14 if spec.things[0].size != "large" else 0.05
        dx, dy = rng.uniform(-reach, reach, 2)
        return [(width / 2 + dx * half, height / 2 + dy * half, radius)]
    return _pair(spec, width, height, rng)


def _pair(
    spec: ObjectsSpec, width: int, height: int, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    half = min(width, height) / 2
    upright = spec.relation in ("above", "below")
    step = (1 if spec.relation in ("above", "to the left of") else -1) * rng.uniform(0.47, 0.51)
    places = []
    for sign, thing in zip((-1, 1), spec.things, strict=True):
        radius = rng.uniform(*PAIR_RADII[thing.size]) * half
        along, across = sign * step, rng.uniform(-0.08, 0.08)
        x, y = (across * half, along * height / 2) if upright else (along * width / 2, across * half)
        places.append((width / 2 + x, height / 2 + y, radius))
    return places


def _draw_thing(
    image: Image.Image, thing: Thing, x: float, y: float, radius: float, rng: np.random.Generator
) -> None:
    base = jitter(COLORS[thing.color], rng)
    mask = mask_of(thing.shape, image.size, x, y, radius, rng.uniform(-TILT, TILT))
    top, bottom = max(0, int(y - radius)), min(image.height, int(y + radius) + 1)
    fill = Image.new("RGB", image.size, base)
    fill.paste(gradient(image.width, bottom - top, mix(base, WHITE, 0.08), mix(base, BLACK, 0.08)), (0, top))
    if thing.style:
        _pattern(fill, thing, x, y, min(image.size) / 2)
    image.paste(fill, (0, 0), mask)


def _pattern(fill: Image.Image, thing: Thing, x: float, y: float, half: float) -> None:
    """Stripes or dots of a fixed width, so that they are wider than a latent cell at 128 px."""
    pen = ImageDraw.Draw(fill)
    other = (
        mix(COLORS[thing.color], BLACK, 0.75)
        if thing.color in LIGHT
        else mix(COLORS[thing.color], WHITE, 0.85)
    )
    pitch = 0.34 * half
    if thing.style == "striped":
        for i in range(-3, 4):
            left = x + i * pitch - pitch / 4
            pen.rectangle([left, 0, left + pitch / 2, fill.height], fill=other)
        return
    for row in range(-3, 4):
        for column in range(-3, 4):
            disc(pen, x + (column + (row % 2) / 2) * pitch, y + row * pitch, pitch * 0.27, other)
