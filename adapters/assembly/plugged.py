"""The plugins, and what of theirs others are made with."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from adapters.backends.spec import BackendSpec
from adapters.settings import PluginSettings, Settings
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.ports.driven import ImageBackend
from plugins.calling import HookRules
from plugins.hooks import PluggyRunHooks
from plugins.manager import LoadedPlugins
from plugins.marking import CallMarks
from plugins.report import PluginReport


def reports_of(loaded: LoadedPlugins) -> Sequence[PluginReport]:
    return loaded.reports


def make_registry(loaded: LoadedPlugins, worker: str) -> OptionRegistry:
    """Plugins that are loaded in another process bring their options later."""
    registry = OptionRegistry(OPTIONS, complete=worker == "thread")
    for one in loaded.settings:
        registry.add_group(one.kind, one.specs, one.make)
    return registry


def make_hooks(loaded: LoadedPlugins, settings: PluginSettings, marks: CallMarks | None) -> PluggyRunHooks:
    rules = HookRules(
        on_error=settings.on_error,
        errors=settings.errors,
        seconds=settings.hook_seconds,
        life_seconds=settings.load_seconds,
        trusted=loaded.builtin,
        trace=_trace if os.environ.get("SERENA_TRACE_HOOKS") == "1" else None,
        marks=marks,
    )
    return PluggyRunHooks(loaded, rules)


def _trace(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def make_backend(spec: BackendSpec, settings: Settings, hooks: PluggyRunHooks) -> ImageBackend:
    return spec.create_hooked(settings, hooks.shipped) if spec.create_hooked else spec.create(settings)
