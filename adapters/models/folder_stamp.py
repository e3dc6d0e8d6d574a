"""Whether files of a folder have changed, told without opening one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

Stamp: TypeAlias = tuple[str, frozenset[tuple[str, str, int, int, int, int]]]


def stamp_of(folder: Path, suffix: str) -> Stamp:
    """Another one as soon as a file that ends so, in the folder or below it, is another, leads elsewhere,
    comes or goes. What cannot be looked at does not count."""
    return os.path.realpath(folder), frozenset(_found(folder, suffix.lower()))


def _found(folder: Path, suffix: str) -> Iterator[tuple[str, str, int, int, int, int]]:
    for place, _, names in os.walk(folder):
        for name in names:
            if not name.lower().endswith(suffix):
                continue
            path = os.path.join(place, name)
            try:
                found = os.lstat(path)
                target = os.path.realpath(path) if stat.S_ISLNK(found.st_mode) else ""
                found = os.stat(path) if target else found
            except OSError:
                continue
            yield path, target, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
