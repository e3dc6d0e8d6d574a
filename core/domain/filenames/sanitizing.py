"""Text made fit for a file name."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ANYWHERE = re.compile(r'[#<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
_UNIX = re.compile(r"[/\x00\ud800-\udfff]")
_OF_NO_NAME = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')


@dataclass(frozen=True, slots=True)
class Sanitizer:
    """``unix``: only ``/`` (and NUL) is replaced; ``max_length``: characters of one value."""

    unix: bool = False
    max_length: int = 128

    def value(self, text: str, *, underscores: bool = False) -> str:
        """The value of a token. ``underscores``: instead of spaces."""
        if underscores:
            text = text.replace(" ", "_")
        text = (_UNIX if self.unix else _ANYWHERE).sub("_", text)
        return text.lstrip(" ")[: self.max_length].rstrip(" .")

    def component(self, text: str) -> str:
        """A whole path component: perhaps empty, never ``.`` or ``..``, never with what no name may have."""
        return (_UNIX if self.unix else _OF_NO_NAME).sub("_", text).strip(" ").rstrip(" .")
