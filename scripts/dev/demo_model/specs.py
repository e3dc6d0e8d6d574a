"""The specification of one picture of the world."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """One object: `size` and `style` may be empty, which means medium and plain."""

    color: str
    shape: str
    size: str = ""
    style: str = ""


@dataclass(frozen=True)
class ObjectsSpec:
    """One object, or two with a relation, on a plain background."""

    background: str
    things: tuple[Thing, ...]
    relation: str = ""


@dataclass(frozen=True)
class SceneSpec:
    """A small landscape."""

    land: str
    time: str
    extra: str = ""
    sky: str = ""


Spec = ObjectsSpec | SceneSpec
