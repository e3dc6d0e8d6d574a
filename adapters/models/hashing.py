"""Hashes of files and folders, remembered while size and time of change stay the same."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import TypeAlias

from core.domain.errors import ModelError

_Stamp: TypeAlias = tuple[int, int]


class ContentHashes:
    """sha256 by path. Safe from any thread; two threads may hash one file twice, to the same end."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[_Stamp, str]] = {}
        self._lock = threading.Lock()

    def of_folder(self, folder: Path) -> str:
        """Over the sorted ``relative path, NUL, sha256 of the file, newline`` lines, or ``ModelError``."""
        total = hashlib.sha256()
        for name, path in sorted(
            (p.relative_to(folder).as_posix(), p) for p in folder.rglob("*") if p.is_file()
        ):
            total.update(os.fsencode(name) + b"\0" + self.of_file(path).encode() + b"\n")
        return total.hexdigest()

    def of_file(self, path: Path) -> str:
        try:
            status = path.stat()
            stamp = status.st_size, status.st_mtime_ns
            with self._lock:
                known = self._known.get(path)
            if known is None or known[0] != stamp:
                with open(path, "rb") as file:
                    known = stamp, hashlib.file_digest(file, "sha256").hexdigest()
                with self._lock:
                    self._known[path] = known
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        return known[1]
