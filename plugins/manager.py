"""Load plugins, each in its own ``try``, and keep a report of what became of it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points, version
from types import ModuleType
from typing import Any

import pluggy

from plugins import hookspecs
from plugins.report import PluginReport
from plugins.scripts import Key, OfferedScript, ScriptRegister

GROUP = "serena"
log = logging.getLogger("serena.plugins")


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """The manager with every plugin that could be loaded, their scripts, and the report on all."""

    manager: pluggy.PluginManager
    reports: tuple[PluginReport, ...]
    scripts: Mapping[Key, OfferedScript] = field(default_factory=dict)

    @property
    def builtin(self) -> frozenset[str]:
        """The names of those that come with Serena."""
        return frozenset(report.name for report in self.reports if report.builtin)


def load_plugins(
    builtin: Sequence[tuple[str, object]] = (),
    *,
    only: Sequence[str] | None = None,
    block: Sequence[str] = (),
    found: Iterable[EntryPoint] | None = None,
    objects: Sequence[tuple[str, object]] = (),
    specs: Sequence[ModuleType] = (),
) -> LoadedPlugins:
    """Register built-ins, then entry points of the group ``serena``, then ``objects`` given by name.

    A plugin that cannot be imported, misspells a hook or takes a taken name is reported and left out; the
    others load. ``only`` acts on entry points, ``block`` on built-ins too.

    :param specs: namespaces of hooks beside those of :mod:`plugins.hookspecs`.
    """
    loader = _Loader((hookspecs, *specs))
    for name, plugin in builtin:
        if name not in block:
            loader.register(_builtin_report(name), plugin)
    points = entry_points(group=GROUP) if found is None else found
    for point in points:
        if (only is None or point.name in only) and point.name not in block:
            loader.load(point)
    for name, plugin in objects:
        loader.register(_object_report(name), plugin)
    return LoadedPlugins(loader.manager, tuple(loader.reports), loader.scripts)


def _builtin_report(name: str) -> PluginReport:
    return PluginReport(name=name, distribution="serena", version=version("serena"), builtin=True)


def _object_report(name: str) -> PluginReport:
    return PluginReport(name=name, distribution="", version="", builtin=False)


class _Loader:
    """Loads plugins one by one, each in its own ``try``."""

    def __init__(self, specs: Sequence[ModuleType]) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        for spec in specs:
            self.manager.add_hookspecs(spec)
        self.reports: list[PluginReport] = []
        self.scripts: dict[Key, OfferedScript] = {}

    def load(self, point: EntryPoint) -> None:
        dist = point.dist
        report = PluginReport(
            name=point.name,
            distribution=dist.name if dist else "",
            version=dist.version if dist else "",
            builtin=False,
        )
        try:
            plugin = point.load()
            if isinstance(plugin, type):
                plugin = plugin()
        except (Exception, SystemExit) as error:
            self._refuse(report, f"cannot be imported: {type(error).__name__}: {error}")
        else:
            self.register(report, plugin)

    def register(self, report: PluginReport, plugin: Any) -> None:
        manager = self.manager
        if manager.has_plugin(report.name):
            self._refuse(report, f"the name {report.name!r} is taken by another plugin")
            return
        if manager.is_registered(plugin):
            self._refuse(report, f"it is loaded already, as {manager.get_name(plugin)!r}")
            return
        try:
            self.reports.append(self._registered(report, plugin))
        except (Exception, SystemExit) as error:
            if manager.is_registered(plugin):
                manager.unregister(plugin)
            self._refuse(report, _one_line(error))

    def _registered(self, report: PluginReport, plugin: Any) -> PluginReport:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.manager.register(plugin, name=report.name)
        told = tuple(_one_line(one.message) for one in caught)
        for warning in told:
            log.warning("plugin %s: %s", report.name, warning)
        unknown = _unknown_hooks(self.manager, plugin)
        if unknown:
            raise ValueError(f"unknown hook {unknown[0]!r}; the hooks are listed in docs/reference/hooks.md")
        register = ScriptRegister(report.name, self.scripts)
        self._offer(plugin, register)
        self.scripts.update(register.offered)
        callers = self.manager.get_hookcallers(plugin) or []
        hooks = tuple(sorted(caller.name for caller in callers))
        return replace(report, hooks=hooks, scripts=register.infos(), warnings=told)

    def _offer(self, plugin: Any, register: ScriptRegister) -> None:
        for impl in self.manager.hook.serena_register_scripts.get_hookimpls():
            if impl.plugin is plugin:
                impl.function(*[register for _ in impl.argnames])

    def _refuse(self, report: PluginReport, reason: str) -> None:
        log.warning("plugin %s is not used: %s", report.name, reason)
        self.reports.append(replace(report, error=reason))


def _unknown_hooks(manager: pluggy.PluginManager, plugin: object) -> list[str]:
    """Hooks that the plugin implements but nobody specified, unless it said that they are optional."""
    callers = manager.get_hookcallers(plugin) or []
    return [
        caller.name
        for caller in callers
        if not caller.has_spec()
        and any(impl.plugin is plugin and not impl.optionalhook for impl in caller.get_hookimpls())
    ]


def _one_line(error: BaseException | Warning | str) -> str:
    return " ".join(str(error).split()) or type(error).__name__
