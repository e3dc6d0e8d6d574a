"""Which of a model's times the makers of distilled models go through."""

from __future__ import annotations

from enum import Enum, auto


class Spacing(Enum):
    """What ``Automatic`` means for a model, where the sampler has no schedule of its own.

    ``UNIFORM``: as in the reference. ``TRAILING``: as Turbo and Lightning models were taught: the last of
    each of n equal parts. ``CONSISTENCY``: as latent consistency models were, of their own 50 times.
    """

    UNIFORM = auto()
    TRAILING = auto()
    CONSISTENCY = auto()


def trailing_times(n: int, count: int) -> list[int]:
    """Of ``count`` times, the last of each of n equal parts, from the highest down."""
    return [round(count - i * count / n) - 1 for i in range(n)]


def skipping_times(n: int, count: int) -> list[int]:
    """Of ``count`` times n, from the highest down: the first of each of n equal parts."""
    return [count - 1 - i * count // n for i in range(n)]
