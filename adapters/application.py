"""What a door holds: the driving ports, assembled. Doors never see how they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from adapters.nothing import HostMemory, NoResources
from adapters.settings import Settings
from core.domain.model_report import ModelReport
from core.domain.request import Kind
from core.ports.driving import (
    BrowseModels,
    BrowseResources,
    ControlJobs,
    EditOptions,
    GenerateImages,
    InspectImages,
    JobEvents,
    ManageMemory,
    ReportHealth,
)
from plugins.counting import HookCount
from plugins.report import PluginReport


def _deaf(listener: JobEvents) -> None:
    """Where nothing happens that could be told of."""


def _settled() -> None:
    """Where all is known from the beginning."""


def _drained(seconds: float) -> None:
    """Where nothing runs."""


@dataclass(frozen=True, slots=True)
class Application:
    """One assembled Serena.

    :ivar start: start the worker and load the model behind it; returns at once. The second time it does
        nothing.
    :ivar settle: returns when it is known what the plugins offer; starts what it takes to know. For doors
        that ask once and cannot come again. Raises ``NotReady`` or ``NoWorker`` when it takes too long.
    :ivar close: stop the worker, tell the plugins, free the backend.
    :ivar kinds: the kinds of jobs that are drawn here; doors refuse the others.
    :ivar keep: how many ended jobs are kept; None for any number.
    :ivar listen: hand in what is to hear of jobs from now on.
    :ivar plugin_calls: what each plugin has cost so far; asks nobody for long.
    :ivar drain: take no more jobs and say so in ``health``; returns when none runs any more, at the latest
        after that many seconds. Those that still run then are put back, if they are kept at all.
    """

    settings: Settings
    images: GenerateImages
    jobs: ControlJobs
    models: BrowseModels
    options: EditOptions
    inspect: InspectImages
    health: ReportHealth
    backend: str
    plugins: Sequence[PluginReport]
    start: Callable[[], None]
    close: Callable[[], None]
    resources: BrowseResources = field(default_factory=NoResources)
    memory: ManageMemory = field(default_factory=HostMemory)
    kinds: frozenset[Kind] = frozenset((Kind.TXT2IMG, Kind.IMG2IMG))
    keep: int | None = None
    listen: Callable[[JobEvents], None] = _deaf
    drain: Callable[[float], None] = _drained
    plugin_calls: Callable[[], Sequence[HookCount]] = tuple
    settle: Callable[[], None] = _settled


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of ``serena doctor``. ``remedy`` says how to mend it, empty when nothing is wrong."""

    topic: str
    status: Literal["ok", "warning", "error"]
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class BackendSummary:
    """A backend that could be configured."""

    name: str
    distribution: str
    available: bool
    reason: str


class Host(Protocol):
    """What the command line needs of the composition root."""

    def open(self, settings: Settings) -> Application:
        """Assemble, without starting."""
        ...

    def serve(self, settings: Settings) -> None:
        """Run the HTTP door until a signal."""
        ...

    def work(self) -> None:
        """Draw for the server that started this process, until it goes."""
        ...

    def plugins(self, settings: Settings) -> Sequence[PluginReport]: ...

    def backends(self, settings: Settings) -> Sequence[BackendSummary]: ...

    def diagnose(self, settings: Settings) -> Sequence[Finding]: ...

    def check_model(self, path: Path) -> ModelReport:
        """Look at a checkpoint, wherever it lies, without loading it."""
        ...

    def convert_model(
        self,
        source: Path,
        target: Path,
        precision: str | None,
        told: Callable[[int, int], None],
        *,
        force: bool,
    ) -> None:
        """Write a checkpoint in another layout or number format. Raises ``ModelError``.

        :param told: hears of bytes written, and of all bytes.
        """
        ...

    def pull_model(self, settings: Settings, repository: str, told: Callable[[int, int], None]) -> Path:
        """Fetch a checkpoint from the hub and say where it lies. Raises ``SettingsError`` unless a setting
        allows it, ``InvalidValue`` or ``ModelError``."""
        ...
