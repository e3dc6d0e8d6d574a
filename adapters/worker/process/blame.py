"""Which plugins a child was in when it died."""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
import weakref

from plugins.counting import HookCount, HookCounts
from plugins.marking import SIZE, Call, CallMarks, clear_marks, read_marks


class Blame:
    """Memory that a child marks its calls of plugins in, one child after the other. What plugins were in the
    middle of when a child died is counted here, so that it outlives them all.

    :ivar handle: the number of its file, for the child, which has to inherit it.
    """

    def __init__(self) -> None:
        self.handle = _unnamed_file()
        weakref.finalize(self, os.close, self.handle)
        os.ftruncate(self.handle, SIZE)
        self._memory = mmap.mmap(self.handle, SIZE)
        self._counts = HookCounts()

    def begin(self) -> None:
        """A child will be started: it is in no plugin."""
        clear_marks(self._memory)

    def find(self) -> str:
        """The child has died: how to go on in a sentence that says of what; empty when it was in no plugin.
        It counts as a failure of those that it was in."""
        calls = read_marks(self._memory)
        for plugin, hook in calls:
            self._counts.died(plugin, hook)
        return _while_in(calls)

    def counts(self) -> tuple[HookCount, ...]:
        return self._counts.all()


def handed_marks(handle: int) -> CallMarks:
    """What a child writes to, by the ``handle`` that it was told."""
    memory = mmap.mmap(handle, SIZE)
    os.close(handle)  # the map has its own, which no process of a plugin inherits
    return CallMarks(memory)


def _unnamed_file() -> int:
    """In memory where the system has such: a mark never waits for a disk then."""
    if sys.platform != "linux":
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    return os.memfd_create("serena-plugins")


def _while_in(calls: tuple[Call, ...]) -> str:
    plugins = sorted({plugin for plugin, _ in calls})
    if not plugins:
        return ""
    if len(plugins) == 1:
        return f" while plugin {plugins[0]!r} was in {' and in '.join(hook for _, hook in calls)}"
    suspects = ", ".join(f"{plugin!r} in {hook}" for plugin, hook in calls)
    return f" while it was in several plugins, of which one or more may have done it: {suspects}"
