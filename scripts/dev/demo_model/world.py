"""What can be drawn: specifications, how they are sampled, and which of them training never sees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from . import scenes, shapes
from .captions import caption_of
from .specs import ObjectsSpec, SceneSpec, Spec, Thing
from .vocabulary import COLORS, EXTRAS, LANDS, RELATIONS, SHAPES, SKIES, STYLES, TIMES

Split = Literal["train", "test"]
Kind = Literal["one", "two", "scene"]

KIND_SHARES: dict[Kind, float] = {"one": 0.48, "two": 0.20, "scene": 0.32}
STYLE_SHARE = 0.12  # patterns are the hardest thing to keep through the f8 VAE, so they are rare
HELD_OUT_OF = 8  # one combination in eight is never drawn for training
OVERSAMPLE = 3


@dataclass(frozen=True)
class Drawing:
    """One picture of the world: what was asked for, the words for it, and the pixels."""

    spec: Spec
    caption: str
    pixels: np.ndarray


def held_out(spec: Spec) -> bool:
    """Whether the combination belongs to the test split; decided by its content, never by its index."""
    digest = hashlib.md5("|".join(_key(spec)).encode(), usedforsecurity=False).hexdigest()
    return int(digest, 16) % HELD_OUT_OF == 0


def _key(spec: Spec) -> list[str]:
    if isinstance(spec, SceneSpec):
        return ["scene", spec.land, spec.time, spec.extra, spec.sky]
    return [*(f"{thing.color} {thing.shape}" for thing in spec.things), spec.relation, spec.background]


def sample_spec(rng: np.random.Generator, split: Split = "train", kind: Kind | None = None) -> Spec:
    """A random specification of the split; `kind` fixes what sort of picture it is."""
    chosen = kind or str(rng.choice(list(KIND_SHARES), p=list(KIND_SHARES.values())))
    while True:
        spec = _sample_scene(rng) if chosen == "scene" else _sample_objects(rng, 1 if chosen == "one" else 2)
        if held_out(spec) == (split == "test"):
            return spec


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _sample_scene(rng: np.random.Generator) -> SceneSpec:
    land = _pick(rng, LANDS)
    extras = EXTRAS[land]
    extra = _pick(rng, extras) if extras and rng.random() < 0.6 else ""
    sky = _pick(rng, SKIES) if rng.random() < 0.4 else ""
    return SceneSpec(land=land, time=_pick(rng, TIMES), extra=extra, sky=sky)


def _sample_objects(rng: np.random.Generator, count: int) -> ObjectsSpec:
    background = _pick(rng, tuple(COLORS))
    others = tuple(name for name in COLORS if name != background)
    things = tuple(_sample_thing(rng, others, small_ok=True, large_ok=count == 1) for _ in range(count))
    relation = _pick(rng, RELATIONS) if count == 2 else ""
    return ObjectsSpec(background=background, things=things, relation=relation)


def _sample_thing(
    rng: np.random.Generator, colors: tuple[str, ...], *, small_ok: bool, large_ok: bool
) -> Thing:
    size = ""
    draw = rng.random()
    if draw < 0.18 and small_ok:
        size = "small"
    elif draw < 0.38 and large_ok:
        size = "large"
    style = _pick(rng, STYLES) if size != "small" and rng.random() < STYLE_SHARE else ""
    return Thing(color=_pick(rng, colors), shape=_pick(rng, SHAPES), size=size, style=style)


def render(spec: Spec, width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Draw the specification; everything that the caption leaves open comes from `rng`."""
    large = (width * OVERSAMPLE, height * OVERSAMPLE)
    image = scenes.draw(spec, *large, rng) if isinstance(spec, SceneSpec) else shapes.draw(spec, *large, rng)
    return image.reduce(OVERSAMPLE)


def drawing(
    index: int,
    seed: int,
    width: int = 128,
    height: int = 128,
    split: Split = "train",
    kind: Kind | None = None,
) -> Drawing:
    """Picture number `index` of the endless series that belongs to `seed`, `split` and `kind`."""
    rng = np.random.default_rng([seed, index, int(split == "test")])
    spec = sample_spec(rng, split, kind)
    text = caption_of(spec, rng)
    return Drawing(spec, text, np.asarray(render(spec, width, height, rng)))
