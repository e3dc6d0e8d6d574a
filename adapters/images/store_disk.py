"""Pictures as files below one root."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters.disk import discard, storage_error, write_beside
from adapters.images.names import check_name, names_like
from core.domain.errors import UnusableName
from core.domain.filenames import next_number, numbered
from core.ports.driven import StoredImage


class DiskImageStore:
    """An ``ImageStore`` below ``root``. A link that leads out of the root is refused.

    A file gets its name in one step when its bytes are on disk, so a reader sees all of it or nothing.
    Another process on the same root may give out the same number, but never the same name.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
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
        target = self._target(folder, extension, stem, named=bool(stem) or not number)
        try:
            self._open_folder(target)
            if once:
                for name, count in names_like(os.listdir(target), stem, extension, number, basename):
                    if _holds(target / name, data):
                        return StoredImage((target / name).relative_to(self._root).as_posix(), count)
            temporary = write_beside(target / "picture", data)
            try:
                if replace and not number:
                    return self._replace(temporary, target / f"{stem}.{extension}")
                return self._publish(
                    temporary, target, extension, _candidates(target, stem, number, basename)
                )
            finally:
                discard(temporary)
        except (OSError, ValueError) as error:
            raise storage_error(target, error) from error

    def check(self, folder: Sequence[str], stem: str, extension: str, size: int) -> None:
        target = self._target(folder, extension, stem, named=bool(stem))
        try:
            self._open_folder(target)
            if shutil.disk_usage(target).free < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with tempfile.TemporaryFile(dir=target):
                pass
        except (OSError, ValueError) as error:
            raise storage_error(target, error) from error

    def _target(self, folder: Sequence[str], extension: str, stem: str, *, named: bool) -> Path:
        check_name(extension)
        if named:
            check_name(stem)
        return self._root.joinpath(*map(check_name, folder))

    def _open_folder(self, target: Path) -> None:
        if not target.resolve().is_relative_to(self._root.resolve()):
            shown = target.relative_to(self._root).as_posix()
            raise UnusableName(f"{shown!r} leads out of the data folder; remove the link")
        target.mkdir(parents=True, exist_ok=True)

    def _replace(self, temporary: Path, path: Path) -> StoredImage:
        os.replace(temporary, path)
        return StoredImage(path.relative_to(self._root).as_posix(), None)

    def _publish(
        self, temporary: Path, target: Path, extension: str, names: Iterator[tuple[int | None, str]]
    ) -> StoredImage:
        with self._lock:
            for count, name in names:
                path = target / f"{name}.{extension}"
                if _take_name(temporary, path):
                    return StoredImage(path.relative_to(self._root).as_posix(), count)
        raise AssertionError("unreachable: candidates never end")


def _candidates(target: Path, stem: str, number: bool, basename: str) -> Iterator[tuple[int | None, str]]:
    if number:
        count = next_number(os.listdir(target), basename)
        while True:
            yield count, numbered(count, stem, basename)
            count += 1
    yield None, stem
    suffix = 1
    while True:
        yield None, f"{stem}-{suffix}"
        suffix += 1


def _holds(path: Path, data: bytes) -> bool:
    return path.stat().st_size == len(data) and path.read_bytes() == data


def _take_name(temporary: Path, path: Path) -> bool:
    """Give the finished file its name unless something has it already."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except (OSError, NotImplementedError):
        return _take_name_without_links(temporary, path)
    return True


def _take_name_without_links(temporary: Path, path: Path) -> bool:
    # FAT and some network disks have no hard links: an empty file holds the name until the content is there.
    try:
        with open(path, "xb"):
            pass
    except FileExistsError:
        return False
    try:
        os.replace(temporary, path)
    except BaseException:
        discard(path)
        raise
    return True
