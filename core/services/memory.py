"""What the loaded model costs, and giving it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from core.domain.model import ModelRef
from core.domain.resources import MemoryUse
from core.ports.driven import ModelHost


class ModelMemory:
    """``ManageMemory`` over a backend.

    :param host: the memory of this machine and process.
    :param choose: the model that a request which names none would draw with.
    """

    def __init__(
        self, host: Callable[[], MemoryUse], backend: ModelHost, choose: Callable[[], ModelRef]
    ) -> None:
        self._host = host
        self._backend = backend
        self._choose = choose

    def memory(self) -> MemoryUse:
        return replace(self._host(), device=self._backend.describe().memory)

    def unload(self) -> None:
        self._backend.close()

    def reload(self) -> None:
        self._backend.load(self._choose())
