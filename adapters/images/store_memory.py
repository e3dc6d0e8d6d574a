"""Pictures that are kept in memory, for tests and for servers that keep nothing."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence

from adapters.images.names import check_name, names_like
from core.domain.filenames import next_number, numbered
from core.ports.driven import StoredImage


class MemoryImageStore:
    """An ``ImageStore`` with the rules of the one on disk. ``files`` maps paths to bytes."""

    def __init__(self) -> None:
        self._folders: dict[tuple[str, ...], dict[str, bytes]] = {}
        self._lock = threading.Lock()

    def save(
        self,
        folder: Sequence[str],
        stem: str,
        extension: str,
        data: bytes,
        *,
        number: bool = True,
        basename: str = "",
        replace: bool = False,
        once: bool = False,
    ) -> StoredImage:
        if not number:
            check_name(stem)
        parts = self._parts(folder, stem, extension)
        with self._lock:
            files = self._folders.setdefault(parts, {})
            if once:
                for name, count in names_like(files, stem, extension, number, basename):
                    if files[name] == data:
                        return StoredImage("/".join((*parts, name)), count)
            count = next_number(files, basename) if number else None
            taken = numbered(count, stem, basename) if count is not None else None
            name = f"{taken}.{extension}" if taken else _free(files, stem, extension, replace)
            files[name] = bytes(data)
        return StoredImage("/".join((*parts, name)), count)

    def check(self, folder: Sequence[str], stem: str, extension: str, size: int) -> None:
        self._parts(folder, stem, extension)

    def _parts(self, folder: Sequence[str], stem: str, extension: str) -> tuple[str, ...]:
        for name in (extension, *([stem] if stem else [])):
            check_name(name)
        return tuple(map(check_name, folder))

    @property
    def files(self) -> Mapping[str, bytes]:
        with self._lock:
            return {
                "/".join((*folder, name)): data
                for folder, files in self._folders.items()
                for name, data in files.items()
            }


def _free(files: Mapping[str, bytes], stem: str, extension: str, replace: bool) -> str:
    if replace:
        return f"{stem}.{extension}"
    names = itertools.chain([stem], (f"{stem}-{suffix}" for suffix in itertools.count(1)))
    return next(f"{name}.{extension}" for name in names if f"{name}.{extension}" not in files)
