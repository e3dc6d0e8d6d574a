"""Small landscapes: a land at a time of day, perhaps with something in it and something in the sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Point, disc, gradient, jitter, mix
from .specs import SceneSpec
from .vocabulary import Color

SKY: dict[str, tuple[Color, Color]] = {
    "sunrise": ((245, 150, 165), (255, 226, 170)),
    "day": ((62, 138, 232), (188, 224, 250)),
    "sunset": ((84, 34, 112), (255, 128, 46)),
    "night": ((8, 10, 34), (36, 46, 98)),
}
SUN: dict[str, Color] = {
    "sunrise": (255, 246, 190),
    "day": (255, 240, 120),
    "sunset": (255, 214, 80),
    "night": (242, 240, 218),
}
# What the light of the hour does to every other colour: blended towards this one, by this share.
LIGHT: dict[str, tuple[Color, float]] = {
    "sunrise": ((255, 180, 160), 0.24),
    "day": ((255, 255, 255), 0.0),
    "sunset": ((90, 30, 60), 0.45),
    "night": ((10, 14, 45), 0.66),
}
LAMP: Color = (255, 226, 116)


@dataclass
class Stage:
    """The picture being drawn, with everything that the parts need."""

    spec: SceneSpec
    image: Image.Image
    rng: np.random.Generator
    horizon: float
    spot_x: float
    spot_y: float
    sun: Point = (0.0, 0.0)

    @property
    def width(self) -> int:
        return self.image.width

    @property
    def height(self) -> int:
        return self.image.height

    @property
    def unit(self) -> int:
        return min(self.image.size)

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image)

    @property
    def dark(self) -> bool:
        return self.spec.time in ("night", "sunset")

    def lit(self, color: Color, haze: float = 0.0) -> Color:
        """The colour in the light of the hour, faded into the sky by `haze`."""
        tint, share = LIGHT[self.spec.time]
        return mix(mix(jitter(color, self.rng, 3), tint, share), SKY[self.spec.time][1], haze)

    def land(self, points: list[Point], color: Color) -> None:
        """Fill everything below the line."""
        corners = [
            (self.width, points[-1][1]),
            (self.width, self.height),
            (0, self.height),
            (0, points[0][1]),
        ]
        self.pen.polygon([*points, *corners], fill=color)


def draw(spec: SceneSpec, width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Draw the landscape at this size."""
    horizon = height * rng.uniform(0.58, 0.66)
    stage = Stage(
        spec=spec,
        image=Image.new("RGB", (width, height)),
        rng=rng,
        horizon=horizon,
        spot_x=width * rng.uniform(0.3, 0.7),
        spot_y=height * rng.uniform(0.86, 0.91),
    )
    _sky(stage)
    _sky_things(stage)
    LANDS[spec.land](stage)
    if spec.extra:
        EXTRAS[spec.extra](stage)
    return stage.image


def _sky(stage: Stage) -> None:
    top, bottom = (jitter(color, stage.rng) for color in SKY[stage.spec.time])
    stage.image.paste(bottom, (0, 0, stage.width, stage.height))
    stage.image.paste(gradient(stage.width, int(stage.horizon), top, bottom), (0, 0))
    rng, unit = stage.rng, stage.unit
    if stage.spec.time == "night":
        for _ in range(int(14 * stage.width * stage.height / unit**2)):
            x, y = rng.uniform(0, stage.width), rng.uniform(0, stage.horizon * 0.75)
            disc(stage.pen, x, y, unit * rng.uniform(0.009, 0.013), (236, 236, 255))
    low = stage.spec.time in ("sunrise", "sunset")
    x = stage.width * rng.uniform(0.2, 0.8)
    y = stage.horizon * (rng.uniform(0.5, 0.72) if low else rng.uniform(0.22, 0.38))
    radius = unit * (rng.uniform(0.1, 0.12) if low else rng.uniform(0.075, 0.09))
    stage.sun = (x, y)
    if stage.spec.time != "night":
        _glow(stage, x, y, radius * 1.9)
    disc(stage.pen, x, y, radius, SUN[stage.spec.time])


def _glow(stage: Stage, x: float, y: float, reach: float) -> None:
    rows, columns = np.mgrid[0 : stage.height, 0 : stage.width].astype(np.float32)
    share = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * reach**2)) * 0.5
    mask = Image.fromarray((share * 255).astype(np.uint8))
    stage.image.paste(SUN[stage.spec.time], (0, 0), mask)


def _sky_things(stage: Stage) -> None:
    rng, unit = stage.rng, stage.unit
    if stage.spec.sky == "clouds":
        color = stage.lit((250, 250, 252))
        for place in rng.permutation(3)[: int(rng.integers(2, 4))]:
            x = stage.width * (0.2 + 0.3 * place + rng.uniform(-0.05, 0.05))
            y, radius = stage.horizon * rng.uniform(0.2, 0.45), unit * rng.uniform(0.055, 0.07)
            for dx, share in ((-1.5, 0.7), (-0.6, 1.0), (0.5, 1.1), (1.4, 0.75)):
                disc(stage.pen, x + dx * radius, y - (share - 0.7) * radius, share * radius, color)
    elif stage.spec.sky == "birds":
        ink: Color = (196, 200, 220) if stage.spec.time == "night" else (26, 26, 36)
        for _ in range(int(rng.integers(3, 5))):
            x, y = stage.width * rng.uniform(0.15, 0.85), stage.horizon * rng.uniform(0.15, 0.5)
            wing = unit * rng.uniform(0.045, 0.06)
            line = [(x - wing, y - wing * 0.55), (x, y), (x + wing, y - wing * 0.55)]
            stage.pen.line(line, fill=ink, width=max(2, int(unit * 0.02)))


def _ridge(stage: Stage, y: float, height: float, waves: int) -> list[Point]:
    """A soft line of hills."""
    numbers = np.arange(1, waves + 1)[:, None]
    along = np.linspace(0, 1, 65)
    phases = stage.rng.uniform(0, 2 * np.pi, (waves, 1))
    line = (np.sin(2 * np.pi * numbers * along * 0.9 + phases) / numbers**1.3).sum(0)
    line = line / (np.abs(line).max() + 1e-6)
    return [(x * stage.width, y - height * value) for x, value in zip(along, line, strict=True)]


def _peaks(stage: Stage, y: float, height: float, count: int) -> tuple[list[Point], list[Point]]:
    """A jagged line of mountains, and its tops."""
    across = (np.arange(count + 1) + stage.rng.uniform(-0.2, 0.2, count + 1)) / count
    tops = [(x * stage.width, y - height * stage.rng.uniform(0.65, 1.0)) for x in across]
    line = [tops[0]]
    for left, right in pairwise(tops):
        line += [((left[0] + right[0]) / 2, y - height * stage.rng.uniform(0.1, 0.25)), right]
    return line, tops


def _mountains(stage: Stage) -> None:
    snowy = stage.spec.land == "snowy mountains"
    rows = (((95, 100, 132), 0.34, 0.27, 3, 0.0), ((74, 78, 106), 0.08, 0.20, 3, 0.06))
    for color, haze, height, count, drop in rows:
        base = stage.horizon + stage.height * drop
        line, tops = _peaks(stage, base, stage.height * height, count)
        stage.land(line, stage.lit(color, haze))
        for x, y in tops if snowy else ():
            cap = stage.height * height * 0.34
            slope = [
                (x, y),
                (x + cap * 0.62, y + cap),
                (x + cap * 0.2, y + cap * 0.7),
                (x - cap * 0.62, y + cap),
            ]
            stage.pen.polygon(slope, fill=stage.lit((250, 250, 255)))
    ground = (236, 240, 248) if snowy else (82, 144, 62)
    stage.land(_ridge(stage, stage.horizon + stage.height * 0.15, stage.height * 0.025, 4), stage.lit(ground))


def _rolling(stage: Stage, colors: tuple[Color, ...], height: float) -> None:
    for i, color in enumerate(colors):
        line = _ridge(stage, stage.horizon + stage.height * (0.02 + 0.11 * i), stage.height * height, 3)
        stage.land(line, stage.lit(color, 0.08 * (len(colors) - 1 - i)))


def _hills(stage: Stage) -> None:
    _rolling(stage, ((124, 186, 92), (92, 164, 72), (58, 132, 50)), 0.05)


def _desert(stage: Stage) -> None:
    _rolling(stage, ((238, 198, 122), (226, 176, 96), (210, 154, 74)), 0.04)


def _sea(stage: Stage) -> None:
    top = int(stage.horizon)
    far, near = stage.lit((70, 140, 200), 0.3), stage.lit((18, 66, 138))
    stage.image.paste(gradient(stage.width, stage.height - top, far, near), (0, top))
    if stage.spec.time == "day":
        return
    color = mix(SUN[stage.spec.time], far, 0.25)
    for i in range(4):
        y = stage.horizon + (stage.height - stage.horizon) * (0.1 + 0.18 * i)
        reach = stage.unit * (0.09 - 0.012 * i)
        box = [stage.sun[0] - reach, y, stage.sun[0] + reach, y + stage.unit * 0.028]
        stage.pen.rounded_rectangle(box, stage.unit * 0.014, fill=color)


def _pine(stage: Stage, x: float, y: float, height: float, color: Color) -> None:
    stage.pen.polygon([(x, y - height), (x + height * 0.3, y), (x - height * 0.3, y)], fill=color)


def _forest(stage: Stage) -> None:
    line: list[Point] = [(0.0, stage.horizon), (float(stage.width), stage.horizon)]
    stage.land(line, stage.lit((70, 120, 84), 0.25))
    for drop, color, count, haze in ((0.08, (62, 116, 80), 7, 0.25), (0.26, (34, 92, 52), 5, 0.0)):
        tone = stage.lit(color, haze)
        total = max(3, round(count * stage.width / stage.unit))
        for i in range(total + 1):
            x = (i + stage.rng.uniform(-0.25, 0.25)) / total * stage.width
            tall = stage.height * stage.rng.uniform(0.26, 0.34)
            _pine(stage, x, stage.horizon + stage.height * drop, tall, tone)
        ground = stage.horizon + stage.height * drop - 1
        stage.land([(0.0, ground), (float(stage.width), ground)], tone)


def _city(stage: Stage) -> None:
    rng, unit = stage.rng, stage.unit
    glass = LAMP if stage.dark else mix(stage.lit((60, 64, 86)), (255, 255, 255), 0.5)
    street = stage.horizon + stage.height * 0.22
    for row, color in enumerate(((112, 118, 144), (58, 62, 84))):
        tone, x = stage.lit(color, 0.25 if row == 0 else 0.0), -unit * rng.uniform(0.0, 0.08)
        while x < stage.width:
            wide = unit * rng.uniform(0.17, 0.21)
            top = street - stage.height * (rng.uniform(0.42, 0.58) if row == 0 else rng.uniform(0.22, 0.40))
            stage.pen.rectangle([x, top, x + wide, stage.height], fill=tone)
            if row == 1:
                _windows(stage, x, top, wide, street, glass)
            x += wide * (1.0 if row == 0 else rng.uniform(1.05, 1.3))
    stage.pen.rectangle([0, street, stage.width, stage.height], fill=stage.lit((70, 72, 82)))


def _windows(stage: Stage, x: float, top: float, wide: float, street: float, glass: Color) -> None:
    side = wide * 0.26
    y = top + side * 0.8
    while y + side < street:
        for share in (0.18, 0.56):
            if stage.rng.random() < 0.8:
                stage.pen.rectangle([x + wide * share, y, x + wide * share + side, y + side], fill=glass)
        y += side * 1.9


def _house(stage: Stage) -> None:
    x, y, unit = stage.spot_x, stage.spot_y, stage.unit
    wide, tall = unit * stage.rng.uniform(0.13, 0.15), unit * stage.rng.uniform(0.16, 0.19)
    wall: Color = (206, 92, 72) if stage.rng.random() < 0.5 else (228, 208, 172)
    stage.pen.rectangle([x - wide, y - tall, x + wide, y], fill=stage.lit(wall))
    roof = [(x - wide * 1.25, y - tall), (x, y - tall * 1.85), (x + wide * 1.25, y - tall)]
    stage.pen.polygon(roof, fill=stage.lit((110, 48, 40)))
    stage.pen.rectangle([x - wide * 0.2, y - tall * 0.58, x + wide * 0.2, y], fill=stage.lit((80, 50, 35)))
    glass: Color = LAMP if stage.dark else (190, 222, 246)
    for share in (-0.78, 0.36):
        box = [x + wide * share, y - tall * 0.8, x + wide * (share + 0.42), y - tall * 0.42]
        stage.pen.rectangle(box, fill=glass)


def _tree(stage: Stage) -> None:
    x, y = stage.spot_x, stage.spot_y
    tall = stage.unit * stage.rng.uniform(0.26, 0.31)
    trunk = [x - tall * 0.1, y - tall * 0.7, x + tall * 0.1, y]
    stage.pen.rectangle(trunk, fill=stage.lit((104, 66, 40)))
    crown = stage.lit((36, 104, 44))
    for dx, dy, share in ((0.0, -1.15, 0.44), (-0.32, -0.85, 0.36), (0.32, -0.85, 0.36)):
        disc(stage.pen, x + dx * tall, y + dy * tall, share * tall, crown)


def _pines(stage: Stage) -> None:
    tone = stage.lit((24, 80, 50))
    for i in stage.rng.permutation(6)[: int(stage.rng.integers(3, 6))]:
        x = stage.width * (i + stage.rng.uniform(0.2, 0.8)) / 6
        tall = stage.height * stage.rng.uniform(0.24, 0.3)
        _pine(stage, x, stage.height * stage.rng.uniform(0.88, 0.96), tall, tone)


def _lake(stage: Stage) -> None:
    wide = stage.width * 0.3
    box = [stage.spot_x - wide, stage.height * 0.83, stage.spot_x + wide, stage.height * 0.97]
    stage.pen.ellipse(box, fill=stage.lit((72, 146, 214), 0.12))


def _cactus(stage: Stage) -> None:
    x, y = stage.spot_x, stage.spot_y
    tall = stage.unit * stage.rng.uniform(0.34, 0.40)
    stem, arm = tall * 0.1, tall * 0.08
    color = stage.lit((46, 128, 58))
    stage.pen.rounded_rectangle([x - stem, y - tall, x + stem, y], stem, fill=color)
    for side, share in ((-1, 0.45), (1, 0.6)):
        tip = x + side * tall * 0.32
        across = [min(x, tip) - arm, y - tall * share - arm, max(x, tip) + arm, y - tall * share + arm]
        stage.pen.rounded_rectangle(across, arm, fill=color)
        up = [tip - arm, y - tall * (share + 0.3), tip + arm, y - tall * share]
        stage.pen.rounded_rectangle(up, arm, fill=color)


def _pyramid(stage: Stage) -> None:
    x, y = stage.spot_x, stage.horizon + stage.height * 0.15
    wide = stage.unit * stage.rng.uniform(0.28, 0.34)
    peak = (x, y - wide * 0.95)
    stage.pen.polygon([peak, (x + wide, y), (x - wide, y)], fill=stage.lit((216, 162, 84)))
    stage.pen.polygon([peak, (x + wide, y), (x + wide * 0.25, y)], fill=stage.lit((152, 106, 52)))


def _sailboat(stage: Stage) -> None:
    x, y = stage.spot_x, stage.horizon + stage.height * stage.rng.uniform(0.12, 0.18)
    size = stage.unit * stage.rng.uniform(0.16, 0.19)
    hull = [(-1.0, -0.22), (1.0, -0.22), (0.65, 0.22), (-0.65, 0.22)]
    sail = [(0.06, -1.75), (0.06, -0.34), (0.92, -0.34)]
    jib = [(-0.08, -1.5), (-0.08, -0.34), (-0.74, -0.34)]
    parts: tuple[tuple[list[Point], Color], ...] = (
        (hull, (134, 58, 44)),
        (sail, (250, 250, 246)),
        (jib, (226, 66, 56)),
    )
    for points, color in parts:
        stage.pen.polygon([(x + px * size, y + py * size) for px, py in points], fill=stage.lit(color))


def _island(stage: Stage) -> None:
    x, y = stage.spot_x, stage.horizon + stage.height * 0.13
    wide = stage.unit * stage.rng.uniform(0.22, 0.27)
    stage.pen.chord(
        [x - wide, y - wide * 0.42, x + wide, y + wide * 0.42], 180, 360, fill=stage.lit((234, 202, 130))
    )
    top = y - wide * 1.35
    trunk = [
        (x - wide * 0.08, y - wide * 0.38),
        (x, top),
        (x + wide * 0.12, top),
        (x + wide * 0.1, y - wide * 0.38),
    ]
    stage.pen.polygon(trunk, fill=stage.lit((110, 72, 44)))
    leaf = stage.lit((40, 124, 54))
    for dx, dy in ((-0.62, 0.22), (0.62, 0.22), (-0.5, -0.22), (0.5, -0.22)):
        tip = (x + dx * wide, top + dy * wide)
        stage.pen.polygon([(x, top - wide * 0.14), tip, (x, top + wide * 0.14)], fill=leaf)


LANDS: dict[str, Callable[[Stage], None]] = {
    "mountains": _mountains,
    "snowy mountains": _mountains,
    "hills": _hills,
    "desert": _desert,
    "sea": _sea,
    "forest": _forest,
    "city": _city,
}
EXTRAS: dict[str, Callable[[Stage], None]] = {
    "house": _house,
    "tree": _tree,
    "pine trees": _pines,
    "lake": _lake,
    "cactus": _cactus,
    "pyramid": _pyramid,
    "sailboat": _sailboat,
    "island": _island,
}
