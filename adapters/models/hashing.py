"""Hashes of files and folders, remembered while size and time of change stay the same."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from core.domain.errors import ModelError

Stamp: TypeAlias = tuple[int, int]
LASTING = 1024 * 1024
"""Bytes from which on a file's hash is kept in the cache file; smaller ones are hashed in no time."""
_MAX_CACHE = 16 * 1024 * 1024


class ContentHashes:
    """sha256 by path. Safe from any thread; two threads may hash one file twice, to the same end.

    :param cache: a JSON file that keeps the hashes of large files; None: they last as long as this object.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Stamp, str]] = _read(cache) if cache is not None else {}

    def of_folder(self, folder: Path) -> str:
        """Over the sorted ``relative path, NUL, sha256 of the file, newline`` lines, or ``ModelError``."""
        total = hashlib.sha256()
        for name, path in sorted((p.relative_to(folder).as_posix(), p) for p in files_of(folder)):
            total.update(os.fsencode(name) + b"\0" + self.of_file(path).encode() + b"\n")
        return total.hexdigest()

    def of_file(self, path: Path) -> str:
        try:
            stamp = stamp_of(path)
            found = self._found(path, stamp)
            if found is None:
                with open(path, "rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                self._remember(path, stamp, found)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        return found

    def to_hash(self, path: Path) -> int:
        """Bytes that are read when ``path``, a file or a folder, is hashed now."""
        try:
            return sum(self._unknown(file) for file in files_of(path))
        except OSError:
            return 0

    def _unknown(self, path: Path) -> int:
        stamp = stamp_of(path)
        return 0 if self._found(path, stamp) is not None else stamp[0]

    def _found(self, path: Path, stamp: Stamp) -> str | None:
        with self._lock:
            known = self._known.get(str(path))
        return known[1] if known is not None and known[0] == stamp else None

    def _remember(self, path: Path, stamp: Stamp, found: str) -> None:
        with self._lock:
            self._known[str(path)] = stamp, found
            if self._cache is not None and stamp[0] >= LASTING:
                _write(self._cache, self._known)


def stamp_of(path: Path) -> Stamp:
    """Size and time of change."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def files_of(path: Path) -> Iterable[Path]:
    """The files of a folder, or the file itself."""
    return (found for found in path.rglob("*") if found.is_file()) if path.is_dir() else (path,)


def _read(cache: Path) -> dict[str, tuple[Stamp, str]]:
    """Nothing where the file is missing or none of ours: the hashes are then made anew."""
    try:
        if cache.stat().st_size > _MAX_CACHE:
            return {}
        kept: Any = json.loads(cache.read_bytes())
        return {
            str(path): ((int(size), int(changed)), str(found))
            for path, (size, changed, found) in kept.items()
            if len(found) == 64
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _write(cache: Path, known: dict[str, tuple[Stamp, str]]) -> None:
    """A folder that cannot be written to costs the hashing at the next start, and nothing else."""
    kept = {path: [*stamp, found] for path, (stamp, found) in sorted(known.items()) if stamp[0] >= LASTING}
    beside = cache.with_name(f"{cache.name}.{os.getpid()}.new")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        os.replace(beside, cache)
    except OSError:
        return
