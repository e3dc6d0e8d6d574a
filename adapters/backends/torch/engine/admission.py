"""How many rows are worth a pass: as many as make the single row cheaper, measured while they work."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Hashable

SAMPLES = 5
"""Passes of a size before their cost is believed."""

WINDOW = 64
"""Passes of a size that are remembered; the cheapest of them counts, since noise only adds. With fewer, noise
would decide between sizes that are a few hundredths apart."""

GAIN = 0.97
"""A larger pass must bring the cost of a row below this share, or the device is full already."""

_OPEN = 1 << 30

LEAST = 2
"""A picture with its negative prompt: less is never asked for."""

FORGET_AFTER = 2000
"""Passes after which the measurements of a scope are made anew: the machine may be less busy by then."""


class Admission:
    """The most rows in flight for each scope (a model at a size). Safe from any thread.

    :param most: never more than these.
    """

    def __init__(self, most: int) -> None:
        self._most = max(most, LEAST)
        self._lock = threading.Lock()
        self._scopes: dict[Hashable, _Scope] = defaultdict(_Scope)

    def cap(self, scope: Hashable) -> int:
        with self._lock:
            return min(self._most, self._scopes[scope].cap)

    def record(self, scope: Hashable, rows: int, seconds: float, typical: bool = True) -> None:
        """A pass of ``rows`` cost ``seconds``. One that is not typical tells nothing."""
        if not typical:
            return
        with self._lock:
            found = self._scopes[scope]
            found.record(rows, seconds)
            if found.passes >= FORGET_AFTER:
                self._scopes[scope] = _Scope(failed=found.failed)

    def failed(self, scope: Hashable, rows: int) -> None:
        """Memory ran out at ``rows``: half of them from now on."""
        with self._lock:
            found = self._scopes[scope]
            half = max(LEAST, rows // 2)
            found.failed = min(found.failed or half, half)


class _Scope:
    """Measurements of one model at one size."""

    def __init__(self, failed: int | None = None) -> None:
        self.failed = failed
        self.passes = 0
        self._costs: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=WINDOW))

    def record(self, rows: int, seconds: float) -> None:
        self.passes += 1
        self._costs[_power(rows)].append(seconds / rows)

    @property
    def cap(self) -> int:
        return self._measured() if self.failed is None else min(self.failed, self._measured())

    def _measured(self) -> int:
        least = {size: min(costs) for size, costs in self._costs.items() if len(costs) >= SAMPLES}
        if not least:
            return _OPEN
        enough = min(size for size, cost in least.items() if cost * GAIN <= min(least.values()))
        # While the largest known is still the best, larger ones are worth a try.
        return _OPEN if enough == max(least) else max(LEAST, enough)


def _power(rows: int) -> int:
    """The power of two nearest below, so that passes of about the same size are one measurement."""
    return 1 << (max(rows, 1).bit_length() - 1)
