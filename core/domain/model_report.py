"""What a look at a checkpoint's header finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """One file or folder.

    :ivar layout: ``single file`` or ``folder``; None: it is neither.
    :ivar family: as its makers call it; None: it is of none that is drawn with.
    :ivar assumed: nothing says what it predicts; ``prediction`` is what most of the family do.
    :ivar precision: the number formats of its weights, the most used first.
    :ivar missing: parts that a single file has not: ``vae``, ``text_encoder``. They have to lie beside it.
    :ivar problem: why it cannot be used, in one sentence; None: it can.
    """

    path: str
    layout: str | None = None
    family: str | None = None
    prediction: str | None = None
    assumed: bool = False
    channels: int | None = None
    precision: tuple[str, ...] = ()
    tensors: int = 0
    bytes: int = 0
    missing: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ModelProblem:
    """A checkpoint or a file of weights that cannot be used, and the sentence that says why."""

    name: str
    message: str
