"""Marks which plugin each thread is in, in memory that outlives the process.

First a word for each thread: the number of a call, or 0 outside of plugins. Then the calls by their numbers,
each a hook and a plugin.
"""

from __future__ import annotations

import mmap
import sys
import threading
import weakref
from collections.abc import Callable
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Call: TypeAlias = tuple[str, str]
"""A plugin, and its hook."""

WORD, THREADS, CALLS, NAME = 4, 256, 1024, 256
NOWHERE = 0
_SPARE = THREADS
"""A word that nobody reads, for threads that come when all others are taken."""
_NAMES = WORD * (THREADS + 1)
SIZE = _NAMES + CALLS * NAME


class CallMarks:
    """Writes them. Safe from several threads. A mark is one store into memory: no lock, no system call.

    :param memory: ``SIZE`` bytes of zeros, shared with whoever reads them.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._words = memoryview(memory)[:_NAMES].cast("I")
        self._numbers: dict[Call, int] = {}
        self._lock = threading.Lock()
        self._own = _OwnWord(list(range(THREADS)))

    def number(self, plugin: str, hook: str) -> int:
        """What stands for a call of this hook; ``NOWHERE`` when there are too many to tell them apart."""
        known = self._numbers.get((plugin, hook))
        return self._named(plugin, hook) if known is None else known

    def put(self, number: int) -> int:
        """Mark this thread. Returns the mark that it had, to be put back."""
        words, index = self._words, self._own.index
        before = words[index]
        words[index] = number
        return before

    def _named(self, plugin: str, hook: str) -> int:
        with self._lock:
            number = len(self._numbers) + 1 if len(self._numbers) < CALLS else NOWHERE
            if number:
                # The hook comes first: what is too long to be kept is the end of a plugin's name.
                row = f"{hook}\0{plugin}".encode()[:NAME].ljust(NAME, b"\0")
                self._memory[_place(number) : _place(number) + NAME] = row
            return self._numbers.setdefault((plugin, hook), number)


def read_marks(memory: mmap.mmap) -> tuple[Call, ...]:
    """Every plugin and hook that a thread is in, each once."""
    words = memory[: WORD * THREADS]
    numbers = {int.from_bytes(words[at : at + WORD], sys.byteorder) for at in range(0, len(words), WORD)}
    return tuple(sorted(_name(memory, number) for number in numbers if NOWHERE < number <= CALLS))


def clear_marks(memory: mmap.mmap) -> None:
    memory[:_NAMES] = bytes(_NAMES)


def marked(marks: CallMarks | None, plugin: str, hook: str, work: Callable[[], T]) -> T:
    """What ``work`` gives or raises. Meanwhile this thread is in that hook; None marks nothing."""
    if marks is None:
        return work()
    before = marks.put(marks.number(plugin, hook))
    try:
        return work()
    finally:
        marks.put(before)


def unmarked(marks: CallMarks, work: Callable[[], T]) -> T:
    """What ``work`` gives or raises. Meanwhile this thread is in no plugin: one that it is in waits."""
    before = marks.put(NOWHERE)
    try:
        return work()
    finally:
        marks.put(before)


class _OwnWord(threading.local):
    """The index of each thread's word, which another one takes when the thread has ended."""

    def __init__(self, free: list[int]) -> None:
        try:
            self.index = free.pop()
        except IndexError:
            self.index = _SPARE
        else:
            self.held = _Held()
            weakref.finalize(self.held, free.append, self.index).atexit = False


class _Held:
    """Goes with its thread."""


def _place(number: int) -> int:
    return _NAMES + (number - 1) * NAME


def _name(memory: mmap.mmap, number: int) -> Call:
    row = memory[_place(number) : _place(number) + NAME]
    hook, _, plugin = row.rstrip(b"\0").decode(errors="ignore").partition("\0")
    return plugin, hook
