"""The time of this machine."""

from __future__ import annotations

import time
from datetime import datetime


class SystemClock:
    """Local time with its zone, and a monotonic stop watch."""

    def now(self) -> datetime:
        return datetime.now().astimezone()

    def seconds(self) -> float:
        return time.monotonic()
