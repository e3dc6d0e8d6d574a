"""A backend that lives in another process: what the server asks of it beside drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from core.domain.errors import NoWorker, WorkerDied
from core.domain.model import ModelRef
from core.domain.serial import from_plain, to_plain
from core.ports.driven import BackendInfo

DESCRIBE_SECONDS = 2.0


class Questions(Protocol):
    """Asks the other process."""

    @property
    def said(self) -> Mapping[str, Any] | None:
        """What it said of itself when it was ready; None before."""
        ...

    def call(self, name: str, arguments: Mapping[str, Any], timeout: float | None = None) -> Any:
        """Raises what the call raised there, ``WorkerDied`` or ``TimeoutError``; without a timeout also
        ``NoWorker``."""
        ...


class RemoteBackend:
    """A ``ModelHost``. Waits for the other process where it must; a description it has at once.

    :param name: what it is called until the other process has said so.
    """

    def __init__(self, questions: Questions, name: str) -> None:
        self._questions = questions
        self._name = name

    def describe(self) -> BackendInfo:
        said = self._questions.said
        if said is None:
            return BackendInfo(name=self._name, device="unknown", max_runs=1, infotext={})
        try:
            return from_plain(BackendInfo, self._questions.call("describe", {}, DESCRIBE_SECONDS))
        except (WorkerDied, TimeoutError):
            return from_plain(BackendInfo, said["backend"])

    def load(self, model: ModelRef) -> None:
        self._questions.call("load", {"model": to_plain(model)})

    def close(self) -> None:
        """Frees the device there; a process that is gone has done so."""
        try:
            self._questions.call("unload", {})
        except (WorkerDied, NoWorker):
            return
