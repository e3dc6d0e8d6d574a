"""The scorer of the demo model: right on true pictures, and wrong when the picture is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from scripts.dev.demo_model.score import components, score_objects, score_scene, shape_of, time_of
from scripts.dev.demo_model.shapes import mask_of
from scripts.dev.demo_model.specs import ObjectsSpec, SceneSpec, Thing
from scripts.dev.demo_model.vocabulary import SHAPES, TIMES
from scripts.dev.demo_model.world import Kind, render, sample_spec

PICTURES = 60


def drawn(
    kind: Kind, count: int = PICTURES, side: int = 128
) -> list[tuple[ObjectsSpec | SceneSpec, Image.Image]]:
    pairs = []
    for i in range(count):
        rng = np.random.default_rng([42, i])
        spec = sample_spec(rng, "test", kind)
        pairs.append((spec, render(spec, side, side, rng)))
    return pairs


@pytest.mark.parametrize("kind", ["one", "two"])
@pytest.mark.parametrize("side", [64, 128, 256])
def test_true_pictures_of_objects_are_right(kind: Kind, side: int) -> None:
    count = PICTURES if side == 128 else 15
    scores = [
        score_objects(image, spec)
        for spec, image in drawn(kind, count, side)
        if isinstance(spec, ObjectsSpec)
    ]
    assert np.mean([score.background for score in scores]) >= 0.97
    assert np.mean([score.color for score in scores]) >= 0.97
    assert np.mean([score.shape for score in scores]) >= 0.97


def test_true_landscapes_have_their_time_of_day() -> None:
    right = [score_scene(image, spec) for spec, image in drawn("scene") if isinstance(spec, SceneSpec)]
    assert np.mean(right) >= 0.97


def test_pictures_of_other_captions_score_at_chance() -> None:
    pairs = drawn("one")
    specs = [spec for spec, _ in pairs]
    images = [image for _, image in pairs[1:]] + [pairs[0][1]]
    scores = [
        score_objects(image, spec)
        for image, spec in zip(images, specs, strict=True)
        if isinstance(spec, ObjectsSpec)
    ]
    assert np.mean([score.shape for score in scores]) < 0.3
    assert np.mean([score.color for score in scores]) < 0.3
    assert not any(score.all_right for score in scores)


def one_thing(color: str, shape: str, background: str) -> ObjectsSpec:
    return ObjectsSpec(background=background, things=(Thing(color=color, shape=shape),))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda: one_thing("red", "circle", "green"), "background"),
        (lambda: one_thing("yellow", "circle", "blue"), "color"),
        (lambda: one_thing("red", "square", "blue"), "shape"),
    ],
)
def test_one_wrong_thing_lowers_its_own_score(change: Callable[[], ObjectsSpec], field: str) -> None:
    image = render(one_thing("red", "circle", "blue"), 128, 128, np.random.default_rng(1))
    score = score_objects(image, change())
    wrong = [name for name in ("background", "color", "shape") if getattr(score, name) != 1]
    assert wrong == [field]
    assert not score.all_right


def test_the_relation_is_part_of_the_score() -> None:
    things = (Thing(color="red", shape="circle"), Thing(color="white", shape="star"))
    image = render(ObjectsSpec("blue", things, "above"), 128, 128, np.random.default_rng(2))
    assert score_objects(image, ObjectsSpec("blue", things, "above")).all_right
    assert score_objects(image, ObjectsSpec("blue", things, "below")).color == 0
    assert not score_objects(image, ObjectsSpec("blue", things, "to the left of")).all_right


def test_a_flat_picture_has_no_object() -> None:
    score = score_objects(Image.new("RGB", (128, 128), (36, 76, 222)), one_thing("red", "circle", "blue"))
    assert score.background
    assert (score.color, score.shape) == (0, 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_told_apart(shape: str) -> None:
    mask = np.asarray(mask_of(shape, (96, 96), 50, 46, 33, 0.04)) > 127
    found, fit = shape_of(mask)
    assert found == shape
    assert fit > 0.85


@pytest.mark.parametrize("time", TIMES)
def test_every_sky_is_told_apart(time: str) -> None:
    image = render(SceneSpec("hills", time, "", "clouds"), 128, 128, np.random.default_rng(3))
    assert time_of(image) == time


def test_components_joins_what_touches_and_sorts_by_size() -> None:
    mask = np.array([[1, 0, 1, 0, 1], [1, 1, 1, 0, 0], [0, 0, 0, 1, 1]], bool)
    assert [int(part.sum()) for part in components(mask)] == [5, 2, 1]
    assert components(np.zeros((3, 3), bool)) == []
