"""``# comments`` in prompts."""

from __future__ import annotations

import re

_WHOLE_LINE = re.compile(r"(?:^|\n)#[^\n]*(?:\n|\Z)")
_REST_OF_LINE = re.compile(r"#[^\n]*(?:\n|\Z)")


def strip_comments(text: str) -> str:
    """First whole commented lines, then what follows a ``#``; each leaves a newline behind."""
    return _REST_OF_LINE.sub("\n", _WHOLE_LINE.sub("\n", text))
