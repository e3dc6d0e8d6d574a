"""Memory of the device that nobody uses, given back; never while a pass is recorded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch


class SpareMemory:
    """While a CUDA graph is captured, memory may not be freed: the device forbids it, and the capture would
    be lost. So each waits for the end of the other.

    :param give: gives back to the device what no tensor uses.
    """

    def __init__(self, give: Callable[[], None]) -> None:
        self._give = give
        self._one = threading.Lock()

    def give_back(self) -> None:
        """Not inside :meth:`kept`."""
        with self._one:
            self._give()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Nothing is given back inside the block."""
        with self._one:
            yield


def _give_back() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


SPARE = SpareMemory(_give_back)
"""Of this process, as the allocator of torch is."""
