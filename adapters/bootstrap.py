"""The composition root: the only place that knows every adapter."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from adapters.application import Application, BackendSummary, Finding
from adapters.backends.choose import backend_entry_points, choose_backend, summarize
from adapters.diagnosis import diagnose
from adapters.logs import log_to_stderr
from adapters.settings import Settings
from adapters.version import VERSION
from core.domain.request import Kind
from plugins.hookspecs import HOOK_API_VERSION, AppInfo
from plugins.manager import LoadedPlugins, load_plugins
from plugins.report import PluginReport

log = logging.getLogger("serena")


def bootstrap(
    settings: Settings, *, plugins: Sequence[tuple[str, object]] = (), **overrides: Any
) -> Application:
    """An assembled application, not started.

    :param plugins: plugin objects by name, registered after the installed ones.
    :param overrides: providers of the container by name (``backend=LedgerBackend()``), for tests and
        embedders.
    """
    from adapters.container import Container

    loaded = _load_plugins(settings, plugins)
    spec = choose_backend(settings.backend.name, backend_entry_points())
    container = Container(settings=settings, spec=spec, plugins=loaded.manager)
    for name, value in overrides.items():
        getattr(container, name).override(value)
    hooks, readiness, worker = container.hooks(), container.readiness(), container.worker()

    def start() -> None:
        hooks.ready(AppInfo(version=VERSION, hook_api=HOOK_API_VERSION, backend=spec.name))
        worker.start()
        threading.Thread(target=readiness.warm_up, name="serena-warm-up", daemon=True).start()

    def close() -> None:
        readiness.stopping()
        container.jobs().close()
        worker.stop()
        hooks.shutdown()
        container.backend().close()

    return Application(
        settings=settings,
        images=container.jobs(),
        jobs=container.jobs(),
        models=container.browser(),
        options=container.options(),
        inspect=container.reader(),
        health=readiness,
        backend=spec.name,
        plugins=loaded.reports,
        start=start,
        close=close,
        resources=container.resources(),
        memory=container.memory(),
        kinds=frozenset(Kind),
    )


class LocalHost:
    """What the command line asks for, on this machine."""

    def open(self, settings: Settings) -> Application:
        log_to_stderr("warning")
        return bootstrap(settings)

    def serve(self, settings: Settings) -> None:
        from adapters.http.listening import listen

        log_to_stderr(settings.log.level)
        # The port opens before the rest is made: clients then wait for an answer instead of failing.
        with closing(listen(settings.http)) as listener:
            from adapters.http.server import serve

            app = bootstrap(settings)
            serve(app, on_listening=lambda url: log.info("listening on %s", url), listener=listener)

    def plugins(self, settings: Settings) -> Sequence[PluginReport]:
        return _load_plugins(settings, ()).reports

    def backends(self, settings: Settings) -> Sequence[BackendSummary]:
        return summarize(backend_entry_points())

    def diagnose(self, settings: Settings) -> Sequence[Finding]:
        return diagnose(settings, self.backends(settings), self.plugins(settings))


def main(argv: list[str] | None = None) -> int:
    """The command line. Returns the exit code."""
    from adapters.cli.app import create_cli
    from adapters.cli.errors import run

    return run(create_cli(LocalHost()), sys.argv[1:] if argv is None else argv)


def _load_plugins(settings: Settings, objects: Sequence[tuple[str, object]]) -> LoadedPlugins:
    return load_plugins(only=settings.plugins.only, block=settings.plugins.block, objects=objects)
