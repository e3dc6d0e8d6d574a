"""Which seed draws which picture."""

from __future__ import annotations

from collections.abc import Callable

MAX_RANDOM_SEED = 4294967293
"""The largest seed that is chosen at random, as in the reference."""

RANDOM_SEED = -1


def resolve_seed(requested: int, random_seed: Callable[[], int]) -> int:
    """The seed to use: the one asked for, or a random one for -1."""
    return random_seed() if requested == RANDOM_SEED else requested


def image_seeds(seed: int, count: int, subseed_strength: float) -> tuple[int, ...]:
    """Seeds of all pictures of a job. With variations all share one seed, and the subseeds differ."""
    return tuple(seed + (i if subseed_strength == 0 else 0) for i in range(count))


def image_subseeds(subseed: int, count: int) -> tuple[int, ...]:
    """Subseeds of all pictures of a job."""
    return tuple(subseed + i for i in range(count))
