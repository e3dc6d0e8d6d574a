"""Which names a picture may have on disk."""

from __future__ import annotations

from core.domain.errors import UnusableName

_FORBIDDEN = frozenset('/\\:*?"<>|')


def check_name(name: str) -> str:
    """``name`` if it may be one part of a path. Raises ``UnusableName``."""
    clean = name and name not in (".", "..") and not any(c in _FORBIDDEN or ord(c) < 32 for c in name)
    if not clean or name.endswith((" ", ".")):
        shown = repr(name if len(name) <= 80 else name[:77] + "...")
        raise UnusableName(
            f"{shown} cannot be the name of a file or folder; use letters, digits, '-' and '_'"
        )
    return name
