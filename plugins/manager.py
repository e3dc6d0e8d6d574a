"""Load plugins, each in its own ``try``, and keep a report of what became of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points, version
from types import ModuleType
from typing import Any

import pluggy

from plugins import hookspecs
from plugins.report import PluginReport

GROUP = "serena"
log = logging.getLogger("serena.plugins")


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """The manager with every plugin that could be loaded, and the report on all."""

    manager: pluggy.PluginManager
    reports: tuple[PluginReport, ...]


def load_plugins(
    builtin: Sequence[ModuleType] = (),
    *,
    only: Sequence[str] | None = None,
    block: Sequence[str] = (),
    found: Iterable[EntryPoint] | None = None,
    objects: Sequence[tuple[str, object]] = (),
) -> LoadedPlugins:
    """Register built-ins, then entry points of the group ``serena``, then ``objects`` given by name.

    A plugin that cannot be imported, misspells a hook or takes a taken name is reported and left out; the
    others
    load. ``only`` and ``block`` act on entry points.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    reports = [_register(manager, _builtin_report(module), module) for module in builtin]
    points = entry_points(group=GROUP) if found is None else found
    wanted = [p for p in points if (only is None or p.name in only) and p.name not in block]
    reports += [_load(manager, point) for point in wanted]
    reports += [_register(manager, _object_report(name), plugin) for name, plugin in objects]
    return LoadedPlugins(manager, tuple(reports))


def _builtin_report(module: ModuleType) -> PluginReport:
    name = module.__name__.rsplit(".", 1)[-1]
    return PluginReport(name=name, distribution="serena", version=version("serena"), builtin=True)


def _object_report(name: str) -> PluginReport:
    return PluginReport(name=name, distribution="", version="", builtin=False)


def _load(manager: pluggy.PluginManager, point: EntryPoint) -> PluginReport:
    dist = point.dist
    report = PluginReport(
        name=point.name,
        distribution=dist.name if dist else "",
        version=dist.version if dist else "",
        builtin=False,
    )
    try:
        plugin = point.load()
    except (Exception, SystemExit) as error:
        return _refused(report, f"cannot be imported: {type(error).__name__}: {error}")
    return _register(manager, report, plugin)


def _register(manager: pluggy.PluginManager, report: PluginReport, plugin: Any) -> PluginReport:
    if manager.has_plugin(report.name):
        return _refused(report, f"the name {report.name!r} is taken by another plugin")
    if manager.is_registered(plugin):
        return _refused(report, f"it is loaded already, as {manager.get_name(plugin)!r}")
    try:
        manager.register(plugin, name=report.name)
    except Exception as error:
        _forget(manager, plugin)
        return _refused(report, _one_line(error))
    unknown = _unknown_hooks(manager, plugin)
    if unknown:
        _forget(manager, plugin)
        return _refused(
            report, f"unknown hook {unknown[0]!r}; the hooks are listed in docs/reference/hooks.md"
        )
    callers = manager.get_hookcallers(plugin) or []
    return replace(report, hooks=tuple(sorted(caller.name for caller in callers)))


def _unknown_hooks(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """Hooks that the plugin implements but nobody specified, unless it said that they are optional."""
    callers = manager.get_hookcallers(plugin) or []
    return [
        caller.name
        for caller in callers
        if not caller.has_spec()
        and any(impl.plugin is plugin and not impl.optionalhook for impl in caller.get_hookimpls())
    ]


def _forget(manager: pluggy.PluginManager, plugin: object) -> None:
    if manager.is_registered(plugin):
        manager.unregister(plugin)


def _refused(report: PluginReport, reason: str) -> PluginReport:
    log.warning("plugin %s is not used: %s", report.name, reason)
    return replace(report, error=reason)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
