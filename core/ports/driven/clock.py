"""Time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, so that tests can turn it."""

    def now(self) -> datetime:
        """With a time zone."""
        ...

    def seconds(self) -> float:
        """For durations: never runs backwards."""
        ...
