"""The words for a picture: sentences, tags, quality words that change nothing, and unknown words."""

from __future__ import annotations

import string

import numpy as np

from .specs import ObjectsSpec, SceneSpec, Spec, Thing
from .vocabulary import QUALITY

ARTICLED = {"sea": "the sea", "city": "a city", "forest": "a forest", "desert": "a desert"}
PREPOSITIONS = {"sea": "on", "forest": "in", "desert": "in", "hills": "on"}


def article(word: str) -> str:
    """`a red circle`, `an orange circle`."""
    return f"{'an' if word[0] in 'aeio' else 'a'} {word}"


def plain_caption(spec: Spec) -> str:
    """The one canonical sentence of a specification; the scorer asks for pictures with it."""
    if isinstance(spec, SceneSpec):
        return _scene_sentence(spec, turn=False)
    named = [article(_noun(thing)) for thing in spec.things]
    subject = f" {spec.relation} ".join(named)
    return f"{subject} on {article(spec.background)} background"


def caption_of(spec: Spec, rng: np.random.Generator) -> str:
    """A random caption: it never says what is not in the picture, but it may leave things out."""
    text = _scene_caption(spec, rng) if isinstance(spec, SceneSpec) else _objects_caption(spec, rng)
    return _with_noise(text, rng)


def _noun(thing: Thing) -> str:
    return " ".join(word for word in (thing.size, thing.style, thing.color, thing.shape) if word)


def _objects_caption(spec: ObjectsSpec, rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < 0.04:  # teaches what "blue background" alone means: negative prompts are written so
        return f"{spec.background} background"
    nouns = [_noun(thing) for thing in spec.things]
    if draw < 0.16:
        tags = f" {spec.relation} ".join(nouns)
        return f"{tags}, {spec.background} background"
    subject = f" {spec.relation} ".join(article(noun) for noun in nouns)
    return subject if draw < 0.24 else f"{subject} on {article(spec.background)} background"


def _scene_caption(spec: SceneSpec, rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < 0.06:
        return spec.time if draw < 0.03 else spec.land
    if draw < 0.25:
        return ", ".join(word for word in (spec.land, spec.extra, spec.time, spec.sky) if word)
    return _scene_sentence(spec, turn=rng.random() < 0.5)


def _scene_sentence(spec: SceneSpec, *, turn: bool) -> str:
    land = ARTICLED.get(spec.land, spec.land)
    extra = spec.extra if spec.extra in ("", "pine trees") else article(spec.extra)
    if not extra:
        text = f"{spec.time} over {land}" if turn else f"{land} at {spec.time}"
    elif turn:
        text = f"{spec.time} over {land} with {extra}"
    else:
        text = f"{extra} {PREPOSITIONS.get(spec.land, 'near')} {land} at {spec.time}"
    if not spec.sky:
        return text
    return f"{text} and {spec.sky}" if " with " in text else f"{text} with {spec.sky}"


def _with_noise(text: str, rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < 0.12:
        count = int(rng.integers(1, 4))
        extra = ", ".join(QUALITY[int(i)] for i in rng.integers(0, len(QUALITY), count))
        return f"{text}, {extra}" if draw < 0.08 else f"{extra}, {text}"
    if draw < 0.16:
        letters = rng.integers(0, 26, int(rng.integers(2, 8)))
        return f"{text}, {''.join(string.ascii_lowercase[int(i)] for i in letters)}"
    return text
