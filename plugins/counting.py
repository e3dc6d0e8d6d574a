"""What each plugin has cost so far."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCount:
    """One hook of one plugin.

    :ivar calls: those that came back. :ivar seconds: what they took together.
    :ivar failures: calls that raised what is no refusal, were given up, left what cannot be used, or that
        the process of the plugins died in.
    :ivar late: of those, the ones that were given up, or not made since an earlier one still hung.
    """

    plugin: str
    hook: str
    calls: int
    seconds: float
    failures: int
    late: int = 0


class HookCounts:
    """Counts calls. Safe from several threads; it costs well below a microsecond a call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[str, str], tuple[int, float, int, int]] = {}

    def called(self, plugin: str, hook: str, seconds: float, *, failed: bool, late: bool = False) -> None:
        self._add(plugin, hook, 1, seconds, int(failed), int(late))

    def given_up(self, plugin: str, hook: str) -> None:
        self._add(plugin, hook, 0, 0.0, 1, 1)

    def left_broken(self, plugin: str, hook: str) -> None:
        self._add(plugin, hook, 0, 0.0, 1, 0)

    def died(self, plugin: str, hook: str) -> None:
        self._add(plugin, hook, 0, 0.0, 1, 0)

    def add(self, one: HookCount) -> None:
        self._add(one.plugin, one.hook, one.calls, one.seconds, one.failures, one.late)

    def all(self) -> tuple[HookCount, ...]:
        with self._lock:
            found = dict(self._found)
        return tuple(
            HookCount(plugin=plugin, hook=hook, calls=calls, seconds=seconds, failures=failures, late=late)
            for (plugin, hook), (calls, seconds, failures, late) in sorted(found.items())
        )

    def _add(self, plugin: str, hook: str, calls: int, seconds: float, failures: int, late: int) -> None:
        with self._lock:
            had = self._found.get((plugin, hook), (0, 0.0, 0, 0))
            self._found[plugin, hook] = had[0] + calls, had[1] + seconds, had[2] + failures, had[3] + late


def together(*counted: Iterable[HookCount]) -> tuple[HookCount, ...]:
    """What was counted in several places, each hook of a plugin once."""
    sums = HookCounts()
    for counts in counted:
        for one in counts:
            sums.add(one)
    return sums.all()
