"""Folders that options name: always below the data folder."""

from __future__ import annotations

from core.domain.errors import InvalidValue
from core.domain.filenames import Sanitizer

_DRIVES_AND_WILDCARDS = frozenset(':*?"<>|')


def folder_parts(option: str, value: str) -> tuple[str, ...]:
    """The parts of a folder below the data folder. Raises ``InvalidValue`` for one that leads out."""
    parts = tuple(part for part in value.replace("\\", "/").split("/") if part not in ("", "."))
    if value.startswith(("/", "\\")) or not all(map(_is_plain, parts)):
        raise InvalidValue(f"option {option}", value, "it must be a folder below the data folder")
    return parts


def _is_plain(part: str) -> bool:
    return part != ".." and Sanitizer().component(part) == part and not _DRIVES_AND_WILDCARDS & set(part)
