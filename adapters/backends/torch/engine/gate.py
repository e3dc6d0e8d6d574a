"""Who calls networks, and who compiles them.

While torch traces a network it puts another ``__call__`` into the class of all of them, for every thread. A
network that is called meanwhile elsewhere fails, or worse. So nothing is called while something is traced.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.backends.torch.engine.heeding import wait

PATIENCE = 60.0
"""Seconds. A plugin that hangs in a hook never leaves; what is drawn may not wait for ever for a compiler
that waits for it."""


class Gate:
    """Many callers at once, or one that compiles. Who wants to compile goes before new callers, but after
    those that the last one kept waiting. A thread inside may enter again.

    :param patience: seconds that who wants to compile waits for those inside.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._changed = threading.Condition()
        self._callers = 0
        self._kept_waiting = 0
        self._calls = 0
        self._compiling = False
        self._wanted = 0
        self._local = threading.local()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Networks may be called inside the block. Raises, before it, what the check of this thread raises
        while it waits."""
        depth: int = getattr(self._local, "depth", 0)
        if not depth:
            self._enter()
        self._local.depth = depth + 1
        try:
            yield
        finally:
            self._local.depth = depth
            if not depth:
                with self._changed:
                    self._callers -= 1
                    self._changed.notify_all()

    def _enter(self) -> None:
        with self._changed:
            self._kept_waiting += 1
            try:
                while self._compiling or self._wanted:
                    wait(self._changed)
                self._callers += 1
                self._calls += 1
            finally:
                self._kept_waiting -= 1
                self._changed.notify_all()

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """No other thread calls a network inside the block. Not inside ``calling``. Raises ``TimeoutError``
        where those inside do not leave."""
        with self._changed:
            calls = self._calls
            self._changed.wait_for(lambda: not self._kept_waiting or self._calls > calls)
            self._wanted += 1
            try:
                free = self._changed.wait_for(lambda: not (self._callers or self._compiling), self._patience)
                if not free:
                    raise TimeoutError(f"networks were called for {self._patience:g} seconds without a pause")
                self._compiling = True
            finally:
                self._wanted -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._compiling = False
                self._changed.notify_all()


NETWORKS = Gate()
"""Of this process, as what torch changes is."""
