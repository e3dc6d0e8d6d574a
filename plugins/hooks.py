"""The hook points of a run, over pluggy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from core.domain.errors import PluginError, UnknownScript
from core.domain.request import GenerationRequest
from core.domain.result import GenerationResult
from core.drafts import Draw, ScriptResult
from plugins.calling import HookCalls, HookRules
from plugins.manager import LoadedPlugins
from plugins.scripts import OfferedScript, key_for

if TYPE_CHECKING:
    from core.drafts import (
        BatchDraft,
        GridDraft,
        ImageDraft,
        PicturesDraft,
        RequestDraft,
        ResultDraft,
        SaveDraft,
    )
    from core.ports.driven import RunScript
    from plugins.hookspecs import AppInfo

RUN = "its script"
"""Where a plugin failed that failed in what it runs for a script."""
NO_RULES = HookRules()


class PluggyRunHooks:
    """``RunHooks``. The failure of a wrapper, and an error of Serena's own tree (a refusal, an interrupt),
    always end the run, whatever the rules say."""

    def __init__(self, loaded: LoadedPlugins, rules: HookRules = NO_RULES) -> None:
        self._manager = loaded.manager
        self._scripts = loaded.scripts
        self._calls = HookCalls(loaded.manager, rules)

    def guard(
        self, run: Callable[[], GenerationResult], told: Callable[[PluginError], None]
    ) -> GenerationResult:
        return self._calls.guard.run(run, told)

    def prepare(self, draft: RequestDraft) -> None:
        self._calls.call("serena_prepare", draft=draft)

    def script(self, request: GenerationRequest) -> RunScript | None:
        if not request.script_name:
            return None
        offered = self._scripts.get(key_for(request))
        if offered is None or offered.run is None:
            raise UnknownScript(request.script_name)
        offered.script.arguments(request)
        return partial(self._run_script, offered)

    def before_batch(self, draft: BatchDraft) -> None:
        self._calls.call("serena_before_batch", draft=draft)

    def after_batch(self, draft: PicturesDraft) -> None:
        self._calls.call("serena_after_batch", draft=draft)

    def image(self, draft: ImageDraft) -> None:
        self._calls.call("serena_image", draft=draft)

    def after_overlay(self, draft: ImageDraft) -> None:
        self._calls.call("serena_after_overlay", draft=draft)

    def grid(self, draft: GridDraft) -> None:
        self._calls.call("serena_grid", draft=draft)

    def finalize(self, draft: ResultDraft) -> None:
        self._calls.call("serena_finalize", draft=draft)
        if len(draft.images) != len(draft.infotexts):
            wrappers, plain = self._calls.implementations("serena_finalize")
            names = ", ".join(str(impl.plugin_name) for impl in (*wrappers, *plain))
            told = f"it left {len(draft.images)} images and {len(draft.infotexts)} infotexts; each needs one"
            raise PluginError(names, "serena_finalize", ValueError(told))

    def failed(self, run_id: str, error: BaseException) -> None:
        self._calls.tell("serena_failed", run_id=run_id, error=error)

    def before_save(self, draft: SaveDraft) -> None:
        self._calls.call("serena_before_save", draft=draft)

    def saved(self, run_id: str, path: str) -> None:
        self._calls.tell("serena_saved", run_id=run_id, path=path)

    def ready(self, app: AppInfo) -> None:
        self._calls.tell("serena_ready", app=app)
        # Everybody here was told, each by itself; pluggy tells those who are registered later.
        told = self._manager.get_plugins()
        self._manager.subset_hook_caller("serena_ready", told).call_historic(kwargs={"app": app})

    def shutdown(self) -> None:
        self._calls.tell("serena_shutdown")

    def _run_script(self, offered: OfferedScript, request: GenerationRequest, draw: Draw) -> ScriptResult:
        assert offered.run is not None
        with self._calls.naming(RUN, offered.plugin):
            result = offered.run(request, offered.script.arguments(request), draw)
            if not isinstance(result, ScriptResult):
                raise TypeError(f"it gave {type(result).__name__}; a script gives a ScriptResult")
            return result
