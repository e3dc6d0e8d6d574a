"""What became of the plugins in the child, as far as it has said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from adapters.worker.process.supervisor import Supervisor
from core.domain.serial import from_plain
from plugins.report import PluginReport


class RemoteReports(Sequence[PluginReport]):
    """``before``, until the child is ready."""

    def __init__(self, supervisor: Supervisor, before: Sequence[PluginReport] = ()) -> None:
        self._supervisor = supervisor
        self._before = tuple(before)

    @overload
    def __getitem__(self, index: int) -> PluginReport: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[PluginReport]: ...

    def __getitem__(self, index: int | slice) -> PluginReport | Sequence[PluginReport]:
        return self._now()[index]

    def __len__(self) -> int:
        return len(self._now())

    def __iter__(self) -> Iterator[PluginReport]:
        return iter(self._now())

    def _now(self) -> tuple[PluginReport, ...]:
        said = self._supervisor.said
        return (
            self._before
            if said is None
            else tuple(from_plain(PluginReport, plain) for plain in said["plugins"])
        )
