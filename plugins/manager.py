"""Load plugins, each in its own ``try``, and keep a report of what became of it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points, version
from types import MappingProxyType, ModuleType
from typing import Any

import pluggy

from plugins import hookspecs
from plugins.limits import within
from plugins.marking import CallMarks, marked
from plugins.report import PluginReport
from plugins.scripts import Key, OfferedScript, ScriptRegister
from plugins.settings import PluginOptions, SettingsRegister, folded

GROUP = "serena"
IMPORT = "its import"
"""Where a plugin is that is marked while it is imported."""
NOTHING: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
log = logging.getLogger("serena.plugins")


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """The manager with every plugin that could be loaded, their scripts and settings, and the report on
    all."""

    manager: pluggy.PluginManager
    reports: tuple[PluginReport, ...]
    scripts: Mapping[Key, OfferedScript] = field(default_factory=dict)
    settings: tuple[PluginOptions, ...] = ()

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
    given: Mapping[str, Mapping[str, Any]] = NOTHING,
    seconds: float = 0.0,
    marks: CallMarks | None = None,
) -> LoadedPlugins:
    """Register built-ins, then entry points of the group ``serena``, then ``objects`` given by name.

    A plugin that cannot be imported, misspells a hook or takes a taken name is reported and left out; the
    others load. ``only`` acts on entry points, ``block`` on built-ins too.

    :param specs: namespaces of hooks beside those of :mod:`plugins.hookspecs`. One that has a ``PREFIX``
        owns every name that begins with it.
    :param given: what the configuration says to single plugins, by their names.
    :param seconds: what importing a plugin, and asking it what it offers, may take; 0 sets no limit.
    """
    loader = _Loader((hookspecs, *specs), given, seconds, marks)
    for name, plugin in builtin:
        if name not in block:
            loader.register(_builtin_report(name), plugin)
    points = entry_points(group=GROUP) if found is None else found
    for point in points:
        if (only is None or point.name in only) and point.name not in block:
            loader.load(point)
    for name, plugin in objects:
        loader.register(_object_report(name), plugin)
    refused = {folded(report.name) for report in loader.reports if report.error is not None}
    for name in sorted(loader.given.keys() - refused):
        log.warning("plugins.%s is passed over: no plugin of that name has settings", name)
    return LoadedPlugins(loader.manager, tuple(loader.reports), loader.scripts, tuple(loader.settings))


def _builtin_report(name: str) -> PluginReport:
    return PluginReport(name=name, distribution="serena", version=version("serena"), builtin=True)


def _object_report(name: str) -> PluginReport:
    return PluginReport(name=name, distribution="", version="", builtin=False)


class _Loader:
    """Loads plugins one by one, each in its own ``try``."""

    def __init__(
        self,
        specs: Sequence[ModuleType],
        given: Mapping[str, Mapping[str, Any]],
        seconds: float,
        marks: CallMarks | None,
    ) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.given = _by_folded_name(given)
        self._seconds = seconds
        self._marks = marks
        self._prefixes = tuple(spec.PREFIX for spec in specs if hasattr(spec, "PREFIX"))
        for spec in specs:
            self.manager.add_hookspecs(spec)
        self.reports: list[PluginReport] = []
        self.scripts: dict[Key, OfferedScript] = {}
        self.settings: list[PluginOptions] = []

    def load(self, point: EntryPoint) -> None:
        dist = point.dist
        report = PluginReport(
            name=point.name,
            distribution=dist.name if dist else "",
            version=dist.version if dist else "",
            builtin=False,
        )
        try:
            plugin = within(
                self._seconds, partial(marked, self._marks, point.name, IMPORT, partial(_made, point))
            )
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
        told = (*(_one_line(one.message) for one in caught), *self._never_called(plugin))
        for warning in told:
            log.warning("plugin %s: %s", report.name, warning)
        unknown = _unknown_hooks(self.manager, plugin)
        if unknown:
            raise ValueError(f"unknown hook {unknown[0]!r}; the hooks are listed in docs/reference/hooks.md")
        scripts = ScriptRegister(report.name, self.scripts)
        settings = SettingsRegister(report.name, self.given.get(folded(report.name), {}), self.settings)
        seconds = 0.0 if report.builtin else self._seconds
        marks = None if report.builtin else self._marks
        for hook, register in (("serena_register_settings", settings), ("serena_register_scripts", scripts)):
            offer = partial(self._offer, hook, plugin, register)
            within(seconds, partial(marked, marks, report.name, hook, offer))
        self.scripts.update(scripts.offered)
        if settings.offered is not None:
            self.settings.append(settings.offered)
            self.given.pop(folded(report.name), None)
        callers = self.manager.get_hookcallers(plugin) or []
        hooks = tuple(sorted(caller.name for caller in callers))
        return replace(report, hooks=hooks, scripts=scripts.infos(), warnings=told, settings=settings.infos())

    def _offer(self, hook: str, plugin: Any, register: object) -> None:
        for impl in getattr(self.manager.hook, hook).get_hookimpls():
            if impl.plugin is plugin:
                impl.function(*[register for _ in impl.argnames])

    def _never_called(self, plugin: object) -> tuple[str, ...]:
        """What to say of optional hooks that the backend should know and does not: misspelt ones."""
        return tuple(
            f"the hook {caller.name} is not known here and never called"
            for caller in self.manager.get_hookcallers(plugin) or []
            if not caller.has_spec() and caller.name.startswith(self._prefixes)
        )

    def _refuse(self, report: PluginReport, reason: str) -> None:
        log.warning("plugin %s is not used: %s", report.name, reason)
        self.reports.append(replace(report, error=reason))


def _by_folded_name(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """``my-sepia`` of a file and ``MY_SEPIA`` of the environment are one plugin, and the environment wins."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(given, key=lambda name: name == folded(name)):
        found.setdefault(folded(name), {}).update(given[name])
    return found


def _made(point: EntryPoint) -> Any:
    plugin = point.load()
    return plugin() if isinstance(plugin, type) else plugin


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
