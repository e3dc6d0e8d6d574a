"""The scorer: what is to be seen in a picture of the world, by classical image analysis.

Nothing here is trained. Background: the colour of the border. Objects: what differs from it. Shape: the
silhouette that fits best. Time of day: the colour of the sky.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from .scenes import SKY
from .shapes import TILT, mask_of
from .specs import ObjectsSpec, SceneSpec, Thing
from .vocabulary import COLORS, SHAPES

COLOR_NAMES = tuple(COLORS)
LIGHTNESS_WEIGHT = 0.5  # tones of one colour differ most in lightness
FOREGROUND_DISTANCE = 13.0
PATTERN_SHARE = 0.15  # of an object's pixels, for a colour of its pattern to count
SPECK_SHARE = 0.03
CANVAS = 40
LINEAR = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE_POINT = np.array([0.9505, 1.0, 1.089])
Mask = np.ndarray


@dataclass(frozen=True)
class ObjectScore:
    """What is right about a picture of objects; colour and shape are shares of the objects."""

    background: bool
    color: float
    shape: float

    @property
    def all_right(self) -> bool:
        return self.background and self.color == 1 and self.shape == 1


def lab(pixels: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of sRGB values from 0 to 255."""
    unit = np.asarray(pixels, float) / 255
    linear = np.where(unit > 0.04045, ((unit + 0.055) / 1.055) ** 2.4, unit / 12.92)
    ratio = linear @ LINEAR.T / WHITE_POINT
    root = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def _distance(first: np.ndarray, second: np.ndarray, lightness: float = LIGHTNESS_WEIGHT) -> np.ndarray:
    return np.sqrt(((first - second) ** 2 * np.array([lightness, 1, 1])).sum(-1))


PALETTE = lab(np.array(list(COLORS.values())))


def nearest_colors(pixels: np.ndarray) -> np.ndarray:
    """Index of the nearest colour of the vocabulary for every pixel."""
    return _distance(lab(pixels)[..., None, :], PALETTE).argmin(-1)


def background_of(pixels: np.ndarray) -> str:
    """The colour that most of the border has."""
    border = np.concatenate([pixels[:3].reshape(-1, 3), pixels[-3:].reshape(-1, 3)])
    border = np.concatenate([border, pixels[:, :3].reshape(-1, 3), pixels[:, -3:].reshape(-1, 3)])
    return COLOR_NAMES[int(np.bincount(nearest_colors(border), minlength=len(COLORS)).argmax())]


def foreground(pixels: np.ndarray) -> Mask:
    """Where the picture differs from the border of its row: the background may be a vertical gradient."""
    edges = np.concatenate([pixels[:, :3], pixels[:, -3:]], 1)
    return _distance(lab(pixels), lab(np.median(edges, 1))[:, None]) > FOREGROUND_DISTANCE


def components(mask: Mask) -> list[Mask]:
    """Connected parts (four neighbours), the largest first."""
    runs: list[tuple[int, int, int]] = []
    parent: list[int] = []
    above: list[int] = []
    for row, line in enumerate(mask):
        bounds = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        here = []
        for start, end in bounds.reshape(-1, 2).tolist():
            here.append(len(runs))
            parent.append(len(runs))
            runs.append((row, start, end))
            for other in above:
                if runs[other][1] < end and start < runs[other][2]:
                    parent[_root(parent, other)] = _root(parent, here[-1])
        above = here
    return _gathered(mask.shape, runs, [_root(parent, i) for i in range(len(runs))])


def _root(parent: list[int], item: int) -> int:
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


def _gathered(shape: tuple[int, ...], runs: list[tuple[int, int, int]], roots: list[int]) -> list[Mask]:
    parts: dict[int, Mask] = {}
    for (row, start, end), root in zip(runs, roots, strict=True):
        parts.setdefault(root, np.zeros(shape, bool))[row, start:end] = True
    return sorted(parts.values(), key=lambda part: -int(part.sum()))


def without_specks(mask: Mask) -> Mask:
    """Only the parts that are not tiny against the largest one."""
    parts = components(mask)
    if not parts:
        return mask
    return np.logical_or.reduce([part for part in parts if part.sum() >= SPECK_SHARE * parts[0].sum()])


def filled(mask: Mask, share: float = 0.2) -> Mask:
    """Holes smaller than this share of the object closed: dots, but not the middle of a ring."""
    result = mask.copy()
    for hole in components(~mask)[1:]:
        if hole.sum() < share * mask.sum():
            result |= hole
    return result


def _framed(mask: Mask) -> Mask:
    """The silhouette cut out, made square and brought to one size."""
    rows, columns = np.nonzero(mask)
    cut = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = max(cut.shape)
    image = Image.new("L", (side, side))
    image.paste(
        Image.fromarray(cut.astype(np.uint8) * 255), ((side - cut.shape[1]) // 2, (side - cut.shape[0]) // 2)
    )
    return np.asarray(image.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR)) > 127


@cache
def _templates() -> tuple[tuple[str, Mask], ...]:
    tilts = (-TILT, -TILT / 2, 0.0, TILT / 2, TILT)
    pairs = ((shape, tilt) for shape in SHAPES for tilt in tilts)
    return tuple(
        (shape, _framed(np.asarray(mask_of(shape, (200, 200), 100, 100, 80, tilt)) > 127))
        for shape, tilt in pairs
    )


def shape_of(mask: Mask) -> tuple[str, float]:
    """The best fitting shape, and how well it fits (intersection over union)."""
    if mask.sum() < 12:
        return "", 0.0
    best = ("", 0.0)
    for candidate in (mask, filled(mask)):
        framed = _framed(candidate)
        for shape, template in _templates():
            fit = float((framed & template).sum() / (framed | template).sum())
            best = max(best, (shape, fit), key=lambda pair: pair[1])
    return best


def has_color(pixels: np.ndarray, mask: Mask, thing: Thing) -> bool:
    """Whether the object has its colour: the commonest one, or one of the two of a pattern."""
    if not mask.any():
        return False
    counts = np.bincount(nearest_colors(pixels[mask]), minlength=len(COLORS))
    wanted = COLOR_NAMES.index(thing.color)
    if thing.style:
        return bool(counts[wanted] >= PATTERN_SHARE * mask.sum())
    return int(counts.argmax()) == wanted


def _halves(spec: ObjectsSpec, shape: tuple[int, int]) -> list[Mask]:
    """Where each object has to be: all of the picture, or the half that the relation names."""
    rows, columns = np.indices(shape)
    if len(spec.things) == 1:
        return [np.ones(shape, bool)]
    first = rows < shape[0] / 2 if spec.relation in ("above", "below") else columns < shape[1] / 2
    if spec.relation in ("below", "to the right of"):
        first = ~first
    return [first, ~first]


def score_objects(image: Image.Image, spec: ObjectsSpec) -> ObjectScore:
    """Judge a picture against its specification."""
    pixels = np.asarray(image.convert("RGB"))
    mask = foreground(pixels)
    colors, shapes = [], []
    for thing, half in zip(spec.things, _halves(spec, mask.shape), strict=True):
        part = without_specks(mask & half)
        colors.append(has_color(pixels, part, thing))
        shapes.append(shape_of(part)[0] == thing.shape)
    return ObjectScore(
        background_of(pixels) == spec.background, float(np.mean(colors)), float(np.mean(shapes))
    )


def time_of(image: Image.Image) -> str:
    """The time of day whose sky fits the top of the picture best."""
    pixels = np.asarray(image.convert("RGB"))
    height = len(pixels)
    rows = np.arange(int(0.02 * height), int(0.3 * height))
    seen = lab(np.median(pixels[rows], 1))
    share = rows[:, None] / (0.62 * height)
    skies = {
        time: np.array(top) * (1 - share) + np.array(bottom) * share for time, (top, bottom) in SKY.items()
    }
    return min(skies, key=lambda time: float(np.median(_distance(seen, lab(skies[time]), 1.0))))


def score_scene(image: Image.Image, spec: SceneSpec) -> bool:
    """Whether the time of day is right."""
    return time_of(image) == spec.time


def blueness(image: Image.Image) -> bool:
    """Whether the background is blue; the test of negative prompts counts these."""
    return background_of(np.asarray(image.convert("RGB"))) == "blue"
