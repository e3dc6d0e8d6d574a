"""Telling the plugins, which are in the child, of a file that was written."""

from __future__ import annotations

import logging

from adapters.worker.process.supervisor import Supervisor
from core.domain.errors import SerenaError

log = logging.getLogger("serena.worker")
SECONDS = 5.0


class RemoteSaved:
    """The hook ``saved``. It never raises: the file is there, whatever becomes of the message."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def saved(self, run_id: str, path: str) -> None:
        try:
            self._supervisor.call("saved", {"run_id": run_id, "path": path}, SECONDS)
        except (SerenaError, TimeoutError) as error:
            log.warning("the plugins were not told that %s was written: %s", path, error)
