"""The inverse cumulative Beta distribution, in plain Python."""

from __future__ import annotations

import math

_TINY = 1e-300


def _clear_of_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Continued fraction of the incomplete beta function (modified Lentz), for x < (a + 1) / (a + b + 2)."""
    c = 1.0
    d = 1.0 / _clear_of_zero(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _clear_of_zero(1.0 + term * d)
            c = _clear_of_zero(1.0 + term / c)
            result *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return result


def beta_cdf(x: float, a: float, b: float) -> float:
    """Probability that a Beta(a, b) variable is below x."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(log_front) * _continued_fraction(x, a, b) / a
    return 1.0 - math.exp(log_front) * _continued_fraction(1.0 - x, b, a) / b


def _density(x: float, a: float, b: float) -> float:
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp((a - 1.0) * math.log(x) + (b - 1.0) * math.log1p(-x) - log_beta)


def beta_ppf(q: float, a: float, b: float) -> float:
    """The x that a Beta(a, b) variable is below with probability q: Newton, kept inside a shrinking
    bracket."""
    if q <= 0.0 or q >= 1.0:
        return 0.0 if q <= 0.0 else 1.0
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        excess = beta_cdf(x, a, b) - q
        low, high = (low, x) if excess > 0.0 else (x, high)
        density = _density(x, a, b)
        stepped = x - excess / density if density > 0.0 else -1.0
        stepped = stepped if low < stepped < high else 0.5 * (low + high)
        if abs(stepped - x) <= 1e-15 * x or stepped in (0.0, 1.0):
            return stepped
        x = stepped
    return x
