"""The hooks that a plugin may implement, and the markers to do it with.

A plugin is a module or an object whose functions carry :data:`hookimpl`. It is found by an entry point of the
group ``serena``. Hooks edit the draft that they are given; what they return is ignored. Last registered runs
first; ``hookimpl(tryfirst=True)`` and ``hookimpl(trylast=True)`` move one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from core.drafts import BatchDraft, ImageDraft, RequestDraft, ResultDraft, SaveDraft

PROJECT = "serena"
HOOK_API_VERSION = "1.0"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class AppInfo:
    """What a plugin learns of the application it was loaded into."""

    version: str
    hook_api: str
    backend: str


@hookspec(historic=True)
def serena_ready(app: AppInfo) -> None:
    """The application is assembled; requests will follow. A plugin registered later is called too."""


@hookspec
def serena_shutdown() -> None:
    """The application ends; no run is in flight."""


@hookspec
def serena_prepare(draft: RequestDraft) -> None:
    """Change the request before it is fixed.

    Called once per run, with seeds resolved, before sampler, size and images are checked. Raise an
    ``InvalidRequest`` to refuse it.
    """


@hookspec
def serena_before_batch(draft: BatchDraft) -> None:
    """Change prompts and seeds of one iteration before it is sampled. Keep the lists equally long."""


@hookspec
def serena_image(draft: ImageDraft) -> None:
    """Change one picture after sampling, before the original is laid over it outside a mask."""


@hookspec
def serena_finalize(draft: ResultDraft) -> None:
    """Change the pictures of a run before they are encoded; add a grid, or drop one.

    Called once per run that drew, interrupted ones too.
    """


@hookspec
def serena_failed(run_id: str, error: BaseException) -> None:
    """A run failed with ``error``. Nothing can be changed any more."""


@hookspec
def serena_before_save(draft: SaveDraft) -> None:
    """Change folder, name, format or infotext of a picture about to be written."""


@hookspec
def serena_saved(run_id: str, path: str) -> None:
    """A picture was written to ``path``."""
