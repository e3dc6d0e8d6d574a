"""Writing files so that nobody ever sees half of one, and saying in one sentence why the disk refused."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from pathlib import Path

from core.domain.errors import StorageError, UnusableName

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space",
    errno.EROFS: "it is on a read-only disk; choose another folder",
    errno.EACCES: "there is no permission to write there; change its owner or choose another folder",
    errno.EPERM: "there is no permission to write there; change its owner or choose another folder",
    errno.ENOTDIR: "a file is in the way; move it or choose another folder",
    errno.EEXIST: "a file is in the way; move it or choose another folder",
    errno.EISDIR: "a folder is in the way; move it",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


def storage_error(path: Path, error: Exception, verb: str = "write") -> StorageError:
    """What to tell the user when ``path`` could not be written."""
    number = getattr(error, "errno", None)
    if number == errno.ENAMETOOLONG:
        return UnusableName(f"{path.name[:60]!r} cannot be written: {_REASONS[number]}")
    fallback = getattr(error, "strerror", None) or "the name cannot be used on this disk"
    return StorageError(f"cannot {verb} {str(path)!r}: {_REASONS.get(number or 0, fallback)}")


def write_beside(path: Path, data: bytes) -> Path:
    """Write ``data`` to a new hidden file in the folder of ``path``. Leaves nothing behind when it fails."""
    temporary = path.parent / f".{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        discard(temporary)
        raise
    return temporary


def replace_file(path: Path, data: bytes) -> None:
    """Give ``path`` new content, all or nothing. Raises ``StorageError``."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = write_beside(path, data)
        try:
            os.replace(temporary, path)
        finally:
            discard(temporary)
    except (OSError, ValueError) as error:
        raise storage_error(path, error) from error


def flush_folder(folder: Path) -> None:
    """Let the names of new files last: the disk keeps them apart from their content."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(path: Path) -> None:
    """Remove a file if it is there; the disk may refuse."""
    with contextlib.suppress(OSError):
        path.unlink()
