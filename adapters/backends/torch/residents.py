"""Which checkpoints stay in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from core.domain.model import ModelIdentity

T = TypeVar("T")


@dataclass(slots=True)
class Residents(Generic[T]):
    """Things by model, the least recently used first out.

    :ivar budget: bytes that all may take together; None: their number alone decides.
    """

    budget: int | None = None
    _kept: OrderedDict[ModelIdentity, tuple[T, int]] = field(default_factory=OrderedDict)

    def get(self, identity: ModelIdentity) -> T | None:
        found = self._kept.get(identity)
        if found is None:
            return None
        self._kept.move_to_end(identity)
        return found[0]

    def put(
        self, identity: ModelIdentity, one: T, size: int, needed: Collection[ModelIdentity], limit: int
    ) -> None:
        """Keep it, and let go what is too much: beyond ``limit`` without a budget, beyond the budget with
        one. Those ``needed`` stay in any case."""
        self._kept[identity] = one, size
        for other in list(self._kept):
            if not self._too_much(limit):
                return
            if other != identity and other not in needed:
                del self._kept[other]

    def drop(self, needed: Collection[ModelIdentity] = ()) -> None:
        """Let go all but those."""
        for identity in list(self._kept):
            if identity not in needed:
                del self._kept[identity]

    def all(self) -> list[T]:
        return [one for one, _ in self._kept.values()]

    def _too_much(self, limit: int) -> bool:
        if self.budget is None:
            return len(self._kept) > limit
        return sum(size for _, size in self._kept.values()) > self.budget
