"""How the child stands in its process: where its messages go, and that it ends with its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from adapters.worker.process.channel import Channel

PR_SET_PDEATHSIG = 1


def channel_to_parent() -> Channel:
    """The pipes that this process was started with.

    From now on its standard input is empty and what it prints goes to the log, so that no plugin can disturb.
    """
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    sys.stdout.flush()
    os.dup2(2, 1)
    return Channel(source, sink)


def end_with_parent() -> None:
    """Signals to the group are for the parent, which then ends this process itself.

    A closed pipe tells that the parent is gone; on Linux the kernel ends us too, since a backend that hangs
    may keep the pipe from being read.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
