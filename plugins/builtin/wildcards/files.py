"""The files that wildcards choose from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

LARGEST = 8 * 1024 * 1024


class WildcardFiles:
    """Looks at each file once; made anew for each batch, so that an edited file counts at once.

    :param folder: None where there is no data folder.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._read: dict[str, Sequence[str]] = {}

    def choices(self, name: str) -> Sequence[str]:
        """The lines of a file without those that are empty or begin with ``#``; none if there is no such
        file."""
        if name not in self._read:
            self._read[name] = self._lines(name)
        return self._read[name]

    def _lines(self, name: str) -> Sequence[str]:
        if self._folder is None:
            return ()
        root = self._folder.resolve()
        try:
            path = (root / f"{name}.txt").resolve()
            if not path.is_relative_to(root) or path.stat().st_size > LARGEST:
                return ()
            lines = (line.strip() for line in path.read_text("utf-8-sig").splitlines())
        except (OSError, ValueError):
            return ()
        return [line for line in lines if line and not line.startswith("#")]
