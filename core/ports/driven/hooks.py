"""What plugins do in a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from core.domain.errors import PluginError
from core.domain.request import GenerationRequest
from core.domain.result import GenerationResult
from core.drafts import (
    BatchDraft,
    Draw,
    GridDraft,
    ImageDraft,
    PicturesDraft,
    RequestDraft,
    ResultDraft,
    SaveDraft,
    ScriptResult,
)


class RunScript(Protocol):
    """Draws a request by as many passes as it likes."""

    def __call__(self, request: GenerationRequest, draw: Draw) -> ScriptResult: ...


class RunHooks(Protocol):
    """The hook points of a run. A plugin's failure comes out as ``PluginError``."""

    def guard(
        self, run: Callable[[], GenerationResult], told: Callable[[PluginError], None]
    ) -> GenerationResult:
        """What ``run`` gives or raises, while it is watched. When a plugin hangs in it, ``told`` hears of it
        and the ``PluginError`` is raised; that run does nothing more then."""
        ...

    def prepare(self, draft: RequestDraft) -> None: ...

    def script(self, request: GenerationRequest) -> RunScript | None:
        """What draws a request that names a script; None for one that names none. Raises
        ``UnknownScript``."""
        ...

    def before_batch(self, draft: BatchDraft) -> None: ...

    def after_batch(self, draft: PicturesDraft) -> None: ...

    def image(self, draft: ImageDraft) -> None: ...

    def after_overlay(self, draft: ImageDraft) -> None: ...

    def grid(self, draft: GridDraft) -> None: ...

    def finalize(self, draft: ResultDraft) -> None:
        """Afterwards each image has its infotext, or this raised ``PluginError``."""
        ...

    def failed(self, run_id: str, error: BaseException) -> None:
        """Never raises: the run has an error already."""
        ...

    def before_save(self, draft: SaveDraft) -> None: ...

    def saved(self, run_id: str, path: str) -> None:
        """A file was written, after its result was committed. Never raises."""
        ...
