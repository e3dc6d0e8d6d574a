"""How many jobs are drawn at once, among those that threads have in hand."""

from __future__ import annotations

import threading


class Slot:
    """The right to draw one job. Freed once, however often that is asked for."""

    def __init__(self, room: threading.Semaphore) -> None:
        self._room: threading.Semaphore | None = room

    def free(self) -> None:
        room, self._room = self._room, None
        if room is not None:
            room.release()


class Slots:
    """While one thread stores a result, which means to wait for a disk, another may draw the next job.

    :param count: how many there are at first.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._room = threading.Semaphore(count)

    def grow(self, count: int) -> None:
        """Let there be at least ``count``. From one thread at a time."""
        for _ in range(self._count, count):
            self._room.release()
        self._count = max(self._count, count)

    def get(self, timeout: float | None = None) -> Slot | None:
        """None when none was free within ``timeout`` seconds."""
        return Slot(self._room) if self._room.acquire(timeout=timeout) else None
