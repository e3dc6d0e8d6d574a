"""The picture world of the demo model: seeded, split cleanly, and captioned truthfully."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.dev.demo_model.captions import caption_of, plain_caption
from scripts.dev.demo_model.data import (
    BUCKETS,
    Bucket,
    pixels_of,
    spec_from_json,
    spec_to_json,
    specs_of,
    write_world,
)
from scripts.dev.demo_model.specs import ObjectsSpec, SceneSpec, Thing
from scripts.dev.demo_model.vocabulary import COLORS, EXTRAS, LANDS, SHAPES, SKIES, TIMES, words
from scripts.dev.demo_model.world import drawing, held_out, render, sample_spec


def test_a_drawing_depends_on_its_number_and_seed_alone() -> None:
    first, again, other = drawing(3, 1), drawing(3, 1), drawing(3, 2)
    assert (first.spec, first.caption) == (again.spec, again.caption)
    assert np.array_equal(first.pixels, again.pixels)
    assert not np.array_equal(first.pixels, other.pixels)


def test_training_never_sees_what_is_held_out() -> None:
    train = {sample_spec(np.random.default_rng([1, i])) for i in range(300)}
    test = {sample_spec(np.random.default_rng([1, i]), "test") for i in range(300)}
    assert not any(held_out(spec) for spec in train)
    assert all(held_out(spec) for spec in test)
    assert not train & test


def test_an_object_never_has_the_colour_of_its_background() -> None:
    for i in range(300):
        spec = sample_spec(np.random.default_rng([2, i]))
        if isinstance(spec, ObjectsSpec):
            assert all(thing.color != spec.background for thing in spec.things)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (192, 128), (128, 192), (512, 512)])
def test_pictures_have_the_size_asked_for(width: int, height: int) -> None:
    for spec in (ObjectsSpec("red", (Thing("blue", "star"),)), SceneSpec("city", "night", "", "birds")):
        assert render(spec, width, height, np.random.default_rng(0)).size == (width, height)


@pytest.mark.parametrize("land", LANDS)
def test_every_landscape_can_be_drawn(land: str) -> None:
    for time in TIMES:
        for extra in ("", *EXTRAS[land]):
            for sky in ("", *SKIES):
                image = render(SceneSpec(land, time, extra, sky), 64, 64, np.random.default_rng(1))
                assert len(image.getcolors(4096) or []) > 10


def test_the_canonical_sentences() -> None:
    pair = (Thing("orange", "circle", "small"), Thing("red", "star", "", "striped"))
    assert plain_caption(ObjectsSpec("blue", pair[:1])) == "a small orange circle on a blue background"
    assert (
        plain_caption(ObjectsSpec("white", pair, "above"))
        == "a small orange circle above a striped red star on a white background"
    )
    assert plain_caption(SceneSpec("sea", "sunset", "sailboat")) == "a sailboat on the sea at sunset"
    assert (
        plain_caption(SceneSpec("mountains", "day", "pine trees", "birds"))
        == "pine trees near mountains at day with birds"
    )
    assert plain_caption(SceneSpec("city", "night")) == "a city at night"


def test_a_caption_names_no_colour_or_shape_that_is_not_there() -> None:
    for i in range(400):
        rng = np.random.default_rng([3, i])
        spec = sample_spec(rng)
        said = set(caption_of(spec, rng).replace(",", " ").split())
        there: set[str] = set()
        if isinstance(spec, ObjectsSpec):
            there = {spec.background} | {word for thing in spec.things for word in (thing.color, thing.shape)}
        assert said & (set(COLORS) | set(SHAPES)) <= there


def test_every_caption_word_is_in_the_vocabulary() -> None:
    known = set(words())
    for kind in ("one", "two", "scene"):
        for i in range(60):
            caption = plain_caption(sample_spec(np.random.default_rng([4, i]), "train", kind))  # type: ignore[arg-type]
            assert set(caption.split()) <= known


@pytest.mark.parametrize(
    "spec",
    [
        SceneSpec("sea", "day", "island", "birds"),
        ObjectsSpec("red", (Thing("blue", "star"), Thing("pink", "ring")), "below"),
    ],
)
def test_specifications_survive_json(spec: ObjectsSpec | SceneSpec) -> None:
    assert spec_from_json(json.loads(json.dumps(spec_to_json(spec)))) == spec


def test_a_bucket_of_one_kind_holds_that_kind_alone(tmp_path: Path) -> None:
    pairs = Bucket(64, 64, 64, 1.0, 1.0, "two")
    write_world(tmp_path, 1, lambda name, done, total: None, buckets=[pairs])
    specs = specs_of(tmp_path, "64x64-two")
    assert len(specs) == len(pixels_of(tmp_path, pairs.name)) == 64
    assert all(isinstance(spec, ObjectsSpec) and len(spec.things) == 2 for spec in specs)


def test_a_world_is_written_once(tmp_path: Path) -> None:
    seen: list[str] = []
    write_world(tmp_path, 1, lambda name, done, total: seen.append(name), share=0.001, buckets=BUCKETS[:2])
    assert set(seen) == {"128x128", "64x64"}
    assert pixels_of(tmp_path, "64x64").shape == (64, 64, 64, 3)
    assert len(specs_of(tmp_path, "64x64")) == 64
    seen.clear()
    write_world(tmp_path, 1, lambda name, done, total: seen.append(name), share=0.001, buckets=BUCKETS[:2])
    assert seen == []
