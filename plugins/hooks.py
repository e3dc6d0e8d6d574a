"""The hook points of a run, over pluggy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from core.domain.errors import PluginError, UnknownScript
from core.domain.request import GenerationRequest
from core.domain.result import GenerationResult
from core.drafts import Draw, ScriptResult
from plugins.calling import HookCalls, HookRules
from plugins.checks import check_draft, check_result
from plugins.counting import HookCount
from plugins.drawing import UnmarkedDraw
from plugins.manager import LoadedPlugins
from plugins.marking import marked
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
        self._rules = rules

    def guard(
        self, run: Callable[[], GenerationResult], told: Callable[[PluginError], None]
    ) -> GenerationResult:
        def late(error: PluginError) -> None:
            self._calls.counts.given_up(error.plugin, error.hook)
            told(error)

        return self._calls.guard.run(run, late)

    @property
    def shipped(self) -> ShippedCalls:
        """The hooks that a backend ships, for it to call."""
        return ShippedCalls(self._calls)

    def counts(self) -> tuple[HookCount, ...]:
        """What each plugin has cost so far."""
        return self._calls.counts.all()

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
        self._call_and_check("serena_grid", draft)

    def finalize(self, draft: ResultDraft) -> None:
        self._calls.call("serena_finalize", draft=draft)
        if len(draft.images) != len(draft.infotexts):
            told = f"it left {len(draft.images)} images and {len(draft.infotexts)} infotexts; each needs one"
            raise self._calls.broken("serena_finalize", ValueError(told))

    def failed(self, run_id: str, error: BaseException) -> None:
        self._calls.tell("serena_failed", run_id=run_id, error=error)

    def before_save(self, draft: SaveDraft) -> None:
        self._call_and_check("serena_before_save", draft)

    def saved(self, run_id: str, path: str) -> None:
        self._calls.tell("serena_saved", run_id=run_id, path=path)

    def ready(self, app: AppInfo) -> None:
        self._calls.tell("serena_ready", app=app)
        # Everybody here was told, each by itself; pluggy tells those who are registered later.
        told = self._manager.get_plugins()
        self._manager.subset_hook_caller("serena_ready", told).call_historic(kwargs={"app": app})

    def shutdown(self) -> None:
        self._calls.tell("serena_shutdown")

    def _call_and_check(self, name: str, draft: GridDraft | SaveDraft) -> None:
        self._calls.call(name, draft=draft)
        try:
            check_draft(name, {"draft": draft})  # a failure that was skipped may have left anything
        except (TypeError, ValueError) as error:
            raise self._calls.broken(name, error) from error

    def _run_script(self, offered: OfferedScript, request: GenerationRequest, draw: Draw) -> ScriptResult:
        run = offered.run
        assert run is not None
        marks = None if offered.plugin in self._rules.trusted else self._rules.marks
        with self._calls.naming(RUN, offered.plugin):
            args = offered.script.arguments(request)
            seen = draw if marks is None else UnmarkedDraw(draw, marks)
            result = marked(marks, offered.plugin, RUN, lambda: run(request, args, seen))
            check_result(result)
            return result


class ShippedCalls:
    """Calls the hooks that a backend ships, by the same rules as those of every run."""

    def __init__(self, calls: HookCalls) -> None:
        self._calls = calls

    def implemented(self, name: str) -> bool:
        return self._calls.implemented(name)

    def call(self, name: str, **arguments: Any) -> None:
        self._calls.call(name, **arguments)

    def error(self, name: str, error: Exception) -> PluginError:
        return self._calls.left_broken(name, error)
