"""Scores a pipeline on fresh captions, and draws contact sheets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image, ImageDraw

from .captions import article, plain_caption
from .score import background_of, score_objects, score_scene
from .specs import ObjectsSpec, SceneSpec, Spec
from .training import Machine
from .vocabulary import COLORS, SHAPES
from .world import Kind, render, sample_spec

Progress = Callable[[str, int, int], None]
FRESH_SEED = 990_001  # the final captions: drawn from the held-out split, never used to choose anything
HELD_OUT_SCENES = 30  # no more combinations of a landscape are held out
DEVELOPMENT_SEED = 880_001  # the captions that are looked at while training
SHOWN = (
    "a red circle on a blue background",
    "a yellow star on a purple background",
    "a green heart on a white background",
    "a large orange moon on a black background",
    "a white ring on a red background",
    "a striped blue square on a pink background",
    "a red triangle above a blue square on a yellow background",
    "a pink heart to the left of a white star on a black background",
    "sunset over mountains",
    "a city at night",
    "a sailboat on the sea at sunset",
    "a cactus in a desert at day",
    "a house near snowy mountains at night",
    "a forest at sunrise with birds",
    "a tree on hills at day with clouds",
    "an island on the sea at day",
)


@dataclass(frozen=True)
class Wish:
    """One picture to draw."""

    caption: str
    seed: int
    negative: str = ""


@dataclass
class Painter:
    """Draws pictures with a pipeline, in batches."""

    pipeline: StableDiffusionPipeline
    machine: Machine
    steps: int = 20
    guidance: float = 5.0
    side: int = 128
    batch: int = 12
    progress: Progress = lambda name, done, total: None

    @classmethod
    def load(cls, folder: Path, machine: Machine) -> Painter:
        pipeline = StableDiffusionPipeline.from_pretrained(
            folder, safety_checker=None, torch_dtype=torch.float32
        )
        return cls(pipeline.to(machine.device), machine)

    def draw(self, name: str, wishes: list[Wish]) -> list[Image.Image]:
        self.pipeline.set_progress_bar_config(disable=True)
        images: list[Image.Image] = []
        for start in range(0, len(wishes), self.batch):
            images += self._batch(wishes[start : start + self.batch])
            self.progress(name, len(images), len(wishes))
        return images

    def _batch(self, wishes: list[Wish]) -> list[Image.Image]:
        with self.machine.autocast(), torch.no_grad():
            result = self.pipeline(
                [wish.caption for wish in wishes],
                negative_prompt=[wish.negative for wish in wishes],
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                width=self.side,
                height=self.side,
                generator=[torch.Generator().manual_seed(wish.seed) for wish in wishes],
            )
        return list(result.images)

    def judged(self, name: str, wishes: list[Wish]) -> list[Image.Image]:
        """As the scorer wants them: what is larger than 128 px is reduced to that."""
        return [image.reduce(max(1, image.width // 128)) for image in self.draw(name, wishes)]


def specs_for(kind: Kind, count: int, seed: int) -> list[Spec]:
    """Different held-out specifications."""
    specs: list[Spec] = []
    for spec in _endless(kind, seed):
        if spec not in specs:
            specs.append(spec)
        if len(specs) == count:
            return specs
    return specs


def _endless(kind: Kind, seed: int) -> Iterator[Spec]:
    order = ("one", "two", "scene").index(kind)
    for i in range(20_000):
        yield sample_spec(np.random.default_rng([seed, order, i]), "test", kind)


@dataclass(frozen=True)
class Plan:
    """How many captions of each kind, and how many seeds for each."""

    one: int = 250
    two: int = 120
    scene: int = 130
    seeds: int = 3
    caption_seed: int = FRESH_SEED

    @classmethod
    def of(cls, captions: int, seeds: int) -> Plan:
        """So many captions: a quarter has two objects, a quarter are landscapes as far as there are."""
        scene = min(captions // 4, HELD_OUT_SCENES)
        return cls(captions - captions // 4 - scene, captions // 4, scene, seeds)

    def specs(self) -> dict[Kind, list[Spec]]:
        counts: dict[Kind, int] = {"one": self.one, "two": self.two, "scene": self.scene}
        return {kind: specs_for(kind, count, self.caption_seed) for kind, count in counts.items() if count}


Draw = Callable[[str, list[Wish]], list[Image.Image]]


def table(draw: Draw, plan: Plan) -> dict[str, float]:
    """The shares of what is right, and the number of pictures behind each."""
    return _judged(draw, plan, plan.specs(), None)


def shuffled_table(draw: Draw, plan: Plan) -> dict[str, float]:
    """The same with every picture judged against another caption: this is chance."""
    return _judged(draw, plan, plan.specs(), np.random.default_rng(plan.caption_seed))


def _judged(
    draw: Draw, plan: Plan, specs: dict[Kind, list[Spec]], shuffle: np.random.Generator | None
) -> dict[str, float]:
    values: dict[str, float] = {}
    for kind, wanted in specs.items():
        wishes = [
            Wish(plain_caption(s), 1000 * i + k) for i, s in enumerate(wanted) for k in range(plan.seeds)
        ]
        images = draw(kind, wishes)
        judged = [spec for spec in wanted for _ in range(plan.seeds)]
        if shuffle is not None:
            judged = [judged[int(i)] for i in shuffle.permutation(len(judged))]
        values |= _shares(kind, images, judged)
    return {name: round(value, 4) for name, value in values.items()}


def _shares(kind: str, images: list[Image.Image], specs: list[Spec]) -> dict[str, float]:
    if kind == "scene":
        right = [
            score_scene(image, s) for image, s in zip(images, specs, strict=True) if isinstance(s, SceneSpec)
        ]
        return {"scene_time": float(np.mean(right)), "scene_pictures": len(right)}
    scores = [
        score_objects(image, s) for image, s in zip(images, specs, strict=True) if isinstance(s, ObjectsSpec)
    ]
    return {
        f"{kind}_background": float(np.mean([score.background for score in scores])),
        f"{kind}_color": float(np.mean([score.color for score in scores])),
        f"{kind}_shape": float(np.mean([score.shape for score in scores])),
        f"{kind}_all": float(np.mean([score.all_right for score in scores])),
        f"{kind}_pictures": len(scores),
    }


def originals(side: int = 128, seed: int = 7) -> Draw:
    """Draws the true pictures instead of asking a model: the ceiling of the scorer."""

    def draw(kind: str, wishes: list[Wish]) -> list[Image.Image]:
        known = {plain_caption(s): s for s in specs_for(kind, len(wishes), FRESH_SEED)}  # type: ignore[arg-type]
        return [render(known[w.caption], side, side, np.random.default_rng([seed, w.seed])) for w in wishes]

    return draw


def negative_test(draw: Draw, count: int = 60) -> dict[str, float]:
    """How often the background is blue with no background asked for, without and with a negative prompt."""
    rng = np.random.default_rng(FRESH_SEED)
    colors = [name for name in COLORS if name != "blue"]
    captions = [f"{article(str(rng.choice(colors)))} {rng.choice(SHAPES)}" for _ in range(count)]
    shares = {}
    for name, negative in (("blue_without", ""), ("blue_with_negative", "blue background")):
        images = draw(name, [Wish(caption, i, negative) for i, caption in enumerate(captions)])
        shares[name] = float(np.mean([background_of(np.asarray(image)) == "blue" for image in images]))
    return shares | {"blue_pictures": count}


def diversity(draw: Draw, captions: int = 20, seeds: int = 4) -> float:
    """Mean pixel distance between seeds, as a share of that between true pictures of the same captions."""
    specs = [*specs_for("one", captions // 2, FRESH_SEED), *specs_for("scene", captions // 2, FRESH_SEED)]
    wishes = [
        Wish(plain_caption(spec), 50_000 + 100 * i + k) for i, spec in enumerate(specs) for k in range(seeds)
    ]
    drawn = draw("diversity", wishes)
    real = [
        render(spec, 128, 128, np.random.default_rng([8, i, k]))
        for i, spec in enumerate(specs)
        for k in range(seeds)
    ]
    return round(_spread(drawn, seeds) / _spread(real, seeds), 3)


def _spread(images: list[Image.Image], seeds: int) -> float:
    pixels = [np.asarray(image, np.float32) for image in images]
    groups = [pixels[start : start + seeds] for start in range(0, len(pixels), seeds)]
    return float(np.mean([np.abs(a - b).mean() for group in groups for a, b in combinations(group, 2)]))


def contact_sheet(images: list[Image.Image], captions: list[str], columns: int = 4) -> Image.Image:
    """Pictures with their captions under them."""
    side, text = images[0].width, 40
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (side + 6), rows * (side + text + 6)), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = i % columns * (side + 6), i // columns * (side + text + 6)
        sheet.paste(image, (x, y))
        for line, words in enumerate(_wrapped(caption, side // 6)):
            pen.text((x + 1, y + side + 1 + 12 * line), words, fill="black", font_size=11)
    return sheet


def _wrapped(caption: str, width: int) -> list[str]:
    lines = [""]
    for word in caption.split():
        if len(lines[-1]) + len(word) > width and len(lines) < 3:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


@contextlib.contextmanager
def with_guidance(painter: Painter, guidance: float) -> Iterator[Painter]:
    """The same painter with another guidance."""
    yield replace(painter, guidance=guidance)
