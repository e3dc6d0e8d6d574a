"""Brownian paths by a seed, the same numbers as torchsde's ``BrownianTree`` and a normal source of choice.

torchsde has one source, torch's own, in the module that splits its intervals. The NV noise source needs
Philox there, so the splitting is written out here: halves of halves, each with a seed of its own, down to the
times that are asked for, which are rounded so that there is an end to it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.sampling.types import Array

DIGITS = 6
POOL_SIZE = 24
REMEMBERED = 45
"""Increments kept. A query takes some twenty of them, and the next one is likely near."""

Randn = Callable[[int], Array]
"""Standard normal numbers of the path's shape, by their seed."""


@dataclass(slots=True, eq=False)
class _Interval:
    start: float
    end: float
    parent: _Interval | None = None
    key: int = 0
    depth: int = 0
    halves: tuple[_Interval, _Interval] | None = None

    @property
    def middle(self) -> float:
        assert self.halves is not None
        return self.halves[0].end

    def split(self, at: float) -> None:
        """Halve until ``at``, which lies inside, is an end."""
        middle = round(0.5 * (self.end + self.start), DIGITS)
        left = _Interval(self.start, middle, self, 2 * self.key, self.depth + 1)
        right = _Interval(middle, self.end, self, 2 * self.key + 1, self.depth + 1)
        self.halves = left, right
        if at != middle:
            (right if at > middle else left).split(at)

    def find(self, start: float, end: float) -> list[_Interval]:
        """The intervals that make up the one asked for, in order."""
        if start == self.start and end == self.end:
            return [self]
        if self.halves is None:
            self.split(end if start == self.start else start)
        assert self.halves is not None
        left, right = self.halves
        if end <= self.middle:
            return left.find(start, end)
        if start >= self.middle:
            return right.find(start, end)
        return [*left.find(start, self.middle), *right.find(self.middle, end)]


class BrownianTree:
    """A path from ``low`` to ``high``. Not safe from several threads: each run has its own."""

    def __init__(self, low: float, high: float, seed: int, randn: Randn) -> None:
        # Seeds of a numpy sequence are not negative; torch takes negative ones as their 64 bits too.
        self._seed = seed % 2**64
        self._randn = randn
        self._top = _Interval(round(low, DIGITS), round(high, DIGITS))
        first = np.random.SeedSequence(self._seed, pool_size=POOL_SIZE).generate_state(3)[0]
        self._whole = randn(int(first)) * math.sqrt(high - low)
        self._known: OrderedDict[_Interval, Array] = OrderedDict()

    def between(self, low: float, high: float) -> Array:
        """W(high) - W(low), the times cut to the path's ends."""
        start, end = (min(max(round(time, DIGITS), self._top.start), self._top.end) for time in (low, high))
        if start == end:
            return self._whole * 0.0
        first, *others = self._top.find(start, end)
        total = self._increment(first)
        for interval in others:
            total = total + self._increment(interval)
        return total

    def _increment(self, interval: _Interval) -> Array:
        parent = interval.parent
        if parent is None:
            return self._whole
        if interval in self._known:
            return self._known[interval]
        whole, inverse = self._increment(parent), 1 / (parent.end - parent.start)
        before, after = parent.middle - parent.start, parent.end - parent.middle
        # A Brownian bridge: what the left half gets, given the whole.
        spread = math.sqrt(before * after * inverse)
        left = before * whole * inverse + spread * self._randn(self._seed_of(parent))
        assert parent.halves is not None
        self._known.update(zip(parent.halves, (left, whole - left), strict=True))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return self._known[interval]

    def _seed_of(self, interval: _Interval) -> int:
        key = (interval.key, interval.depth)
        sequence = np.random.SeedSequence(self._seed, spawn_key=key, pool_size=POOL_SIZE)
        return int(sequence.generate_state(4)[0])
