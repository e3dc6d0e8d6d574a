"""Blobs as files below one folder, named by the hash of their content."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from adapters.disk import discard, flush_folder, storage_error, write_beside
from core.domain.image import BlobRef

_REF: Final = re.compile("[0-9a-f]{64}")
_LEFT_OVER: Final = ".*.tmp"
_LOCK: Final = ".lock"
_AT_ONCE: Final = 500


class DiskBlobStore:
    """A lasting ``BlobStore`` that several processes may share. What ``put`` returned is on the disk.

    Equal bytes are one file, ``ab/<hash>`` below ``root``, so whoever writes it a second time does no harm.
    Nothing is counted: :meth:`sweep` removes what nobody refers to.
    """

    def __init__(self, root: Path, seconds: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._seconds = seconds
        # When this process put what: the time of a file is that of a clock which may jump.
        self._put_at: dict[BlobRef, float] = {}

    def put(self, data: bytes) -> BlobRef:
        ref = BlobRef(hashlib.sha256(data).hexdigest())
        path = self._path(ref)
        try:
            self._open_folder(path.parent)
            with self._locked(fcntl.LOCK_SH):
                self._put_at[ref] = self._seconds()
                if not _touch(path, len(data)):
                    _write(path, data)
        except OSError as error:
            raise storage_error(path, error) from error
        return ref

    def get(self, ref: BlobRef) -> bytes | None:
        if not _REF.fullmatch(ref):
            return None
        path = self._path(ref)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(path, error, "read") from error

    def size(self, ref: BlobRef) -> int:
        try:
            return self._path(ref).stat().st_size if _REF.fullmatch(ref) else 0
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise storage_error(self._path(ref), error, "read") from error

    def release(self, ref: BlobRef) -> None:
        """Nothing: another job, or one that was accepted before a restart, may need it."""

    def sweep(self, in_use: Callable[[Sequence[BlobRef]], frozenset[BlobRef]], older_than: float) -> int:
        try:
            old = (BlobRef(path.name) for path in self._files() if self._is_old(path, older_than))
            removed = 0
            while refs := list(islice(old, _AT_ONCE)):
                used = in_use(refs)
                removed += sum(self._remove(ref, older_than) for ref in refs if ref not in used)
            self._forget(older_than)
        except OSError as error:
            raise storage_error(self._root, error) from error
        return removed

    def _path(self, ref: BlobRef) -> Path:
        return self._root / ref[:2] / ref

    def _open_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            flush_folder(self._root)
            flush_folder(self._root.parent)

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        """Several may put at once, but none while a file is being removed that it has just found there."""
        # For reading too: network disks share no lock of a file that is open for writing only.
        with open(self._root / _LOCK, "a+b") as file:
            fcntl.flock(file, kind)
            yield

    def _files(self) -> Iterator[Path]:
        """Blobs, in some order. What a crash left half written and old is removed on the way."""
        for folder in _entries(self._root):
            for path in _entries(folder) if folder.is_dir() else ():
                if _REF.fullmatch(path.name):
                    yield path
                elif path.match(_LEFT_OVER) and _age(path) > 3600:
                    discard(path)

    def _is_old(self, path: Path, older_than: float) -> bool:
        put_at = self._put_at.get(BlobRef(path.name))
        is_fresh_here = put_at is not None and self._seconds() - put_at < older_than
        return not is_fresh_here and _age(path) >= older_than

    def _remove(self, ref: BlobRef, older_than: float) -> bool:
        """Unless it was put again meanwhile."""
        with self._locked(fcntl.LOCK_EX):
            if not self._is_old(self._path(ref), older_than):
                return False
            self._path(ref).unlink(missing_ok=True)
            return True

    def _forget(self, older_than: float) -> None:
        now = self._seconds()
        for ref, put_at in list(self._put_at.items()):
            if now - put_at >= older_than:
                self._put_at.pop(ref, None)


def _touch(path: Path, size: int) -> bool:
    """Make a file that is there new again. One of another size is none: a disk that failed left it."""
    try:
        if path.stat().st_size != size:
            return False
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, data: bytes) -> None:
    temporary = write_beside(path, data)
    try:
        os.replace(temporary, path)
    finally:
        discard(temporary)
    flush_folder(path.parent)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _age(path: Path) -> float:
    """Seconds since it was written or touched; less than none when it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return -1.0
