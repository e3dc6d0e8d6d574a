"""``/api/v1/plugins``: what became of each plugin, as it was loaded and since then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool

from adapters.http.body import router as new_router
from adapters.http.statuses import without_paths
from adapters.http.wire.plugins import HookView, PluginList, PluginView
from plugins.counting import HookCount
from plugins.report import PluginReport


def plugins_router(reports: Sequence[PluginReport], counts: Callable[[], Sequence[HookCount]]) -> APIRouter:
    router = new_router("/api/v1", ["own API"])

    def all_views() -> PluginList:
        found = counts()
        return PluginList(plugins=[_view(report, found) for report in reports])

    @router.get("/plugins", summary="Plugins, why one is not in use, and how often each has failed")
    async def plugins() -> PluginList:
        return await run_in_threadpool(all_views)

    return router


def _view(report: PluginReport, counts: Sequence[HookCount]) -> PluginView:
    return PluginView(
        name=report.name,
        distribution=report.distribution,
        version=report.version,
        builtin=report.builtin,
        error=None if report.error is None else without_paths(report.error),
        warnings=[without_paths(warning) for warning in report.warnings],
        hooks=list(report.hooks),
        scripts=sorted({script.name for script in report.scripts}),
        settings=[setting.option for setting in report.settings],
        called=list(_hooks_of(report.name, counts)),
    )


def _hooks_of(plugin: str, counts: Sequence[HookCount]) -> Iterator[HookView]:
    for one in counts:
        if one.plugin == plugin:
            yield HookView(
                hook=one.hook, calls=one.calls, seconds=one.seconds, failures=one.failures, late=one.late
            )
