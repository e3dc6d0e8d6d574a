"""What an infotext says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Infotext:
    """``params`` are (key, value) in the order written, values as text, quotes resolved."""

    prompt: str
    negative_prompt: str = ""
    params: tuple[tuple[str, str], ...] = ()

    @property
    def by_key(self) -> Mapping[str, str]:
        """The parameters by key; of a key that is there twice, the later value."""
        return MappingProxyType(dict(self.params))
