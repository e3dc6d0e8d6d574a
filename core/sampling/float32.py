"""Single precision on Python floats.

The reference computes its schedules in float32. In some places the rounding is amplified a hundredfold (KL
Optimal near its top) or decides a step (DPM adaptive), so the core rounds where the reference rounds.
"""

from __future__ import annotations

import math
import struct

_FLOAT = struct.Struct("f")


def single(value: float) -> float:
    """The nearest float32; infinity beyond its range."""
    try:
        rounded: float = _FLOAT.unpack(_FLOAT.pack(value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def linspace(first: float, last: float, count: int) -> list[float]:
    """``count`` evenly spaced float32 values with both ends, each half counted from its own end."""
    first, last = single(first), single(last)
    if count <= 1:
        return [first] * count
    step, half = single(single(last - first) / (count - 1)), count // 2
    rising = [single(first + step * i) for i in range(half)]
    return rising + [single(last - step * (count - 1 - i)) for i in range(half, count)]


def log(value: float) -> float:
    """Natural logarithm, rounded."""
    return single(math.log(value))


def exp(value: float) -> float:
    """Exponential, rounded."""
    return single(math.exp(value))


def expm1(value: float) -> float:
    """exp(value) - 1, rounded."""
    return single(math.expm1(value))


def lerp(low: float, high: float, weight: float) -> float:
    """``(1 - weight) * low + weight * high``, rounded after each operation."""
    return single(single(single(1.0 - weight) * low) + single(weight * high))
