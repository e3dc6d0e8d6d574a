"""What is made once for each key and kept, the least recently used out."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from adapters.backends.torch.engine.heeding import wait

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Safe from several threads. Different keys are made at the same time; who asks for one that is being
    made waits for it, and makes it anew should that fail.

    :param most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._changed = threading.Condition()
        self._making: set[Key] = set()
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Raises what ``make`` raises; nothing is kept then. Raises what the check of this thread raises
        while it waits for another."""
        with self._changed:
            while key in self._making:
                wait(self._changed)
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            self._making.add(key)
        try:
            value = make()
            with self._changed:
                self._kept[key] = value
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            return value
        finally:
            with self._changed:
                self._making.discard(key)
                self._changed.notify_all()
