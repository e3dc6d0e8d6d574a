"""Which names a picture may have on disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from core.domain.errors import UnusableName
from core.domain.filenames import number_of

_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\ud800-\udfff]')


def check_name(name: str) -> str:
    """``name`` if it may be one part of a path. Raises ``UnusableName``."""
    clean = name and name not in (".", "..") and not _FORBIDDEN.search(name)
    if not clean or name.endswith((" ", ".")):
        shown = repr(name if len(name) <= 80 else name[:77] + "...")
        raise UnusableName(
            f"{shown} cannot be the name of a file or folder; use letters, digits, '-' and '_'"
        )
    return name


def names_like(
    names: Iterable[str], stem: str, extension: str, number: bool, basename: str
) -> Iterator[tuple[str, int | None]]:
    """Those of ``names`` that a picture of these parts may have been given, with their numbers."""
    ending = f".{extension}"
    for name in names:
        head = name.removesuffix(ending)
        if head == name:
            continue
        count = number_of(head, stem, basename) if number else None
        if count is not None or (not number and _is_stem(head, stem)):
            yield name, count


def _is_stem(head: str, stem: str) -> bool:
    """``stem``, or ``stem-1`` and so on."""
    suffix = head.removeprefix(f"{stem}-")
    return head == stem or (suffix != head and suffix.isdecimal())
