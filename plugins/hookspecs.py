"""The hooks that a plugin may implement, and the markers to do it with.

A plugin is a module or an object whose functions carry :data:`hookimpl`. It is found by an entry point of the
group ``serena``. Hooks edit the draft that they are given; what they return is ignored. Last registered runs
first; ``hookimpl(tryfirst=True)`` and ``hookimpl(trylast=True)`` move one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pluggy

if TYPE_CHECKING:
    from core.domain.resources import EmbeddingRef, LoraRef
    from core.drafts import (
        BatchDraft,
        GridDraft,
        ImageDraft,
        PicturesDraft,
        RequestDraft,
        ResultDraft,
        SaveDraft,
    )
    from plugins.scripts import ScriptRegister
    from plugins.settings import SettingsRegister

PROJECT = "serena"
HOOK_API_VERSION = "1.3"
"""Semantic: 1.4 adds hooks, arguments or fields, and every plugin for 1.3 still works; 2.0 takes some
away."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Resources(Protocol):
    """Where files are found beside the checkpoints. Each call looks again."""

    def loras(self) -> Sequence[LoraRef]: ...

    def embeddings(self) -> Sequence[EmbeddingRef]: ...


class _NoResources:
    def loras(self) -> Sequence[LoraRef]:
        return ()

    def embeddings(self) -> Sequence[EmbeddingRef]:
        return ()


@dataclass(frozen=True, slots=True)
class AppInfo:
    """What a plugin learns of the application it was loaded into.

    :param data_dir: the data folder; a plugin's own files belong into a folder of it.
    :param models_dir: the models folder, which file names of LoRAs are below.
    :param embeddings_dir: the folder that file names of textual inversions are below.
    :param resources: what lies beside the checkpoints.
    """

    version: str
    hook_api: str
    backend: str
    data_dir: Path = Path()
    models_dir: Path = Path("models")
    resources: Resources = field(default_factory=_NoResources)
    embeddings_dir: Path = Path("embeddings")


@hookspec
def serena_register_scripts(register: ScriptRegister) -> None:
    """Offer scripts: ``register.add(Script(name="My script", fields=...), run)``.

    Called once, when the plugin is loaded and before anything else. A script that requests select comes with
    ``run(request, args, draw)``, which gives a ``ScriptResult``; one that is always on has no ``run`` and
    reads ``script.arguments(draft.request)`` in ``serena_prepare``.
    """


@hookspec
def serena_register_settings(register: SettingsRegister) -> None:
    """Say what of the plugin can be set: ``register.add(MySettings)``, a pydantic model with defaults.

    Called once, when the plugin is loaded. ``draft.options.of(MySettings)`` then has what a job sees.
    """


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
    """Change prompts and seeds of one iteration before it is sampled. Keep the lists equally long.

    What backends are to do beside goes into ``draft.extras``.
    """


@hookspec
def serena_after_batch(draft: PicturesDraft) -> None:
    """See the pictures of one iteration together, as they were sampled. Drop one, or add one."""


@hookspec
def serena_image(draft: ImageDraft) -> None:
    """Change one picture after sampling, before the original is laid over it outside a mask.

    Faces are mended by then. For requests of kind extras: the picture as it was enlarged.
    """


@hookspec
def serena_after_overlay(draft: ImageDraft) -> None:
    """Change one picture when it is whole: colours matched, and the original laid over it outside a mask."""


@hookspec
def serena_grid(draft: GridDraft) -> None:
    """Change the pictures, the shape or the background of a grid before it is made; no pictures, no grid."""


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
    """A picture was written to ``path``. Its job has ended; an error raised here is only logged."""
