"""Walking a models folder for what looks like a checkpoint or a file of weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from adapters.models.check import INDEX

_DEEPEST = 6


def find_folders(root: Path) -> Iterator[Path]:
    """Every folder below ``root`` with a ``model_index.json``, in the order of their names.

    A link to a folder is followed if its target lies inside; nothing is looked for inside a found folder.
    """
    seen: set[Path] = set()

    def walk(folder: Path, depth: int) -> Iterator[Path]:
        for path in visible(folder, os.DirEntry.is_dir):
            real = path.resolve()
            if real in seen:
                continue
            seen.add(real)
            if (path / INDEX).is_file():
                yield path
            elif depth < _DEEPEST and real.is_relative_to(root.resolve()):
                yield from walk(path, depth + 1)

    yield from walk(root, 1)


def visible(folder: Path, wanted: Callable[[os.DirEntry[str]], bool] = bool) -> list[Path]:
    """What lies in ``folder`` and is not hidden, by name, whatever its case; nothing if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".") and wanted(entry)]
    except OSError:
        return []
    return [folder / name for name in sorted(names, key=lambda name: (name.lower(), name))]
