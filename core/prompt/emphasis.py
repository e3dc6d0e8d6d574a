"""The emphasis option: how brackets are read, and what the weights then do."""

from __future__ import annotations

from enum import Enum

from core.prompt.attention import parse_attention


class Emphasis(Enum):
    """The value is the option's text. What the encoder's output z becomes, w being the weights:"""

    NONE = "None"
    """z; brackets are not read at all, they are text like any other."""
    IGNORE = "Ignore"
    """z; brackets are read and removed, their weights are not used."""
    ORIGINAL = "Original"
    """z·w, scaled so that the mean over the whole batch stays what it was."""
    NO_NORM = "No norm"
    """z·w."""

    @classmethod
    def of(cls, option: str) -> Emphasis:
        """The mode of that name; an unknown one is ``Original``."""
        return next((mode for mode in cls if mode.value == option), cls.ORIGINAL)

    def parse(self, text: str) -> list[tuple[str, float]]:
        return [(text, 1.0)] if self is Emphasis.NONE else parse_attention(text)
