"""Which processes live, told by locked files in the data folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
import uuid
from pathlib import Path
from typing import Final

from adapters.disk import discard, storage_error

FOLDER: Final = "locks"
_NAME: Final = re.compile("[0-9a-f]{32}")
_STALE_SECONDS: Final = 7 * 86_400
"""After so long no lease names a dead process any more."""


class LockedProcesses:
    """A ``Processes`` for those that share a data folder.

    Each holds a lock on a file of its own. The system releases it when the process ends, however that
    happens, so a file that can be locked is that of a dead one. No process has another's name: a restart,
    or a process number that is used again, deceives nobody.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        self._me = uuid.uuid4().hex
        self._dead: set[str] = set()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._forget_stale()
            self._lock: int | None = self._take_lock()
        except OSError as error:
            raise storage_error(self._folder, error) from error

    @property
    def me(self) -> str:
        return self._me

    def has_died(self, name: str) -> bool:
        if name == self._me:
            return False
        if name not in self._dead and _NAME.fullmatch(name) and self._can_lock(self._folder / name):
            self._dead.add(name)
        return name in self._dead

    def has_company(self) -> bool:
        try:
            names = os.listdir(self._folder)
        except OSError:
            return False
        return any(name != self._me and _NAME.fullmatch(name) and not self.has_died(name) for name in names)

    def close(self) -> None:
        """This one lives no longer; call it when its jobs are seen to."""
        lock, self._lock = self._lock, None
        if lock is not None:
            discard(self._folder / self._me)
            os.close(lock)

    def _take_lock(self) -> int:
        # The file gets its name when it is locked: nobody sees it unlocked, and takes this one for dead.
        hidden = self._folder / f".{self._me}"
        descriptor = os.open(hidden, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.rename(hidden, self._folder / self._me)
        return descriptor

    def _can_lock(self, path: Path) -> bool:
        """Whether the file is there and nobody holds it. Those who only look do not hinder each other."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _forget_stale(self) -> None:
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                is_stale = time.time() - path.stat().st_mtime > _STALE_SECONDS
                if is_stale and _NAME.fullmatch(path.name.removeprefix(".")) and self._can_lock(path):
                    discard(path)
