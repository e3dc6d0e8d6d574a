"""The folders that pictures lie in: one that lasts, and one for the life of a process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, Protocol

from adapters.disk import storage_error

PREFIX: Final = "serena-blobs-"


class BlobPlace(Protocol):
    """Where blobs lie."""

    @property
    def folder(self) -> Path: ...

    def close(self) -> None:
        """No blob is asked for any more."""
        ...


class LastingPlace:
    """A ``BlobPlace`` that stays as it is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def close(self) -> None:
        """The next process finds what there is."""


class TemporaryPlace:
    """A ``BlobPlace`` that is removed when it is closed; where its process ended before, by the next one.

    Each is locked by its process, and the system lets go of that lock however the process ends. So a folder
    that can be locked is that of a dead one.

    :param parent: holds these folders, and those of others.
    """

    def __init__(self, parent: Path | None = None) -> None:
        """Raises ``StorageError``."""
        try:
            parent = parent or Path(tempfile.gettempdir())
            _remove_left(parent)
            # It gets its name when it is locked: nobody sees it unlocked, and takes this process for dead.
            hidden = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=parent))
            self._lock: int | None = _locked(hidden)
            self.folder = hidden.rename(parent / hidden.name.removeprefix("."))
        except OSError as error:
            raise storage_error(parent or Path("TMPDIR"), error) from error

    def close(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(lock)


def _remove_left(parent: Path) -> None:
    """Those of dead processes. What belongs to another user, or is a link, is left."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = _locked(folder)
            try:
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _locked(folder: Path) -> int:
    """The descriptor that holds the lock. Raises ``OSError``, also where another process has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
