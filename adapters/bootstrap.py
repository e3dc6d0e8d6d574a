"""The composition root: the only place that knows every adapter."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.application import Application, BackendSummary, Finding
from adapters.backends.choose import backend_entry_points, choose_backend, summarize
from adapters.backends.spec import BackendSpec
from adapters.diagnosis import diagnose
from adapters.logs import log_to_stderr
from adapters.models.hub import LibraryHub
from adapters.models.pulling import pull
from adapters.models.report import report_on
from adapters.settings import Settings, handed_settings
from adapters.version import VERSION
from core.domain.errors import InvalidRequest, ModelError, SerenaError, SettingsError, UnknownBackend
from core.domain.job import Job
from core.domain.model import ModelRef
from core.domain.model_report import ModelReport
from core.domain.request import Kind
from plugins.builtin import builtin_plugins
from plugins.hookspecs import HOOK_API_VERSION, AppInfo
from plugins.manager import LoadedPlugins, load_plugins
from plugins.marking import CallMarks
from plugins.report import PluginReport
from plugins.settings import folded

if TYPE_CHECKING:
    from adapters.container import Container
    from adapters.worker.process.channel import Channel

log = logging.getLogger("serena")


def bootstrap(
    settings: Settings,
    *,
    plugins: Sequence[tuple[str, object]] = (),
    serving: bool = False,
    **overrides: Any,
) -> Application:
    """An assembled application, not started.

    :param serving: it is a server: its jobs outlive it, unless the settings say otherwise.
    :param plugins: plugin objects by name, registered after the installed ones.
    :param overrides: providers of the container by name (``backend=LedgerBackend()``), for tests and
        embedders. Where jobs run in a child process, neither plugins nor the backend can be given so.
    """
    from adapters.container import Container
    from adapters.worker.process.plugin_parts import RemoteCounts, remote_options
    from adapters.worker.process.reports import RemoteReports

    apart = settings.worker.kind == "process"
    spec = choose_backend(settings.backend.name, backend_entry_points())
    loaded = _load_apart(settings, plugins, overrides) if apart else _load_plugins(settings, plugins, spec)
    store = _store_of(settings, serving)
    container = Container(settings=settings, spec=spec, plugins=loaded, store=store, serving=serving)
    reports = RemoteReports(container.supervisor(), loaded.reports) if apart else loaded.reports
    container.reports.override(reports)
    for name, value in overrides.items():
        getattr(container, name).override(value)
    hooks, readiness, worker = container.hooks(), container.readiness(), container.worker()
    jobs, keeper = container.jobs(), container.keeper()

    def warm_up_again() -> None:
        if container.supervisor().restarts:
            container.news().restarted()
            readiness.warm_up()

    def learn_options() -> None:
        container.options().learn(remote_options(container.supervisor(), reports))

    if apart:
        container.supervisor().when_ready(warm_up_again)
        container.supervisor().when_ready(learn_options)

    @cache
    def start() -> None:
        hooks.ready(_app_info(container, settings, spec.name))
        keeper.start()
        worker.start()
        threading.Thread(target=readiness.warm_up, name="serena-warm-up", daemon=True).start()

    def drain(seconds: float) -> None:
        readiness.stopping()
        jobs.drain(seconds)

    def close() -> None:
        readiness.stopping()
        jobs.close()
        worker.stop()
        keeper.stop()
        hooks.shutdown()
        container.model_host().close()
        container.job_store().close()
        container.processes().close()
        if apart:
            container.blob_place().close()

    return Application(
        settings=settings,
        images=jobs,
        jobs=jobs,
        models=container.browser(),
        options=container.options(),
        inspect=container.reader(),
        health=readiness,
        backend=spec.name,
        plugins=reports,
        start=start,
        close=close,
        resources=container.resources(),
        memory=container.memory(),
        kinds=frozenset(Kind),
        keep=container.rules().keep,
        listen=container.news().add,
        drain=drain,
        plugin_calls=(
            RemoteCounts(container.supervisor(), container.supervisor().blame.counts)
            if apart
            else hooks.counts
        ),
        settle=partial(_settle, container, start, learn_options),
    )


class LocalHost:
    """What the command line asks for, on this machine."""

    def open(self, settings: Settings) -> Application:
        log_to_stderr("warning")
        return bootstrap(settings)

    def serve(self, settings: Settings) -> None:
        from adapters.http.listening import listen

        log_to_stderr(settings.log.level, settings.log.format)
        # The port opens before the rest is made: clients then wait for an answer instead of failing.
        with closing(listen(settings.http)) as listener:
            from adapters.http.server import serve

            app = bootstrap(settings, serving=True)
            serve(
                app,
                on_listening=lambda url: log.info("listening on %s", url),
                listener=listener,
                leave=leave_at_once,
            )

    def work(self) -> None:
        from adapters.worker.process.standing import channel_to_parent, end_with_parent

        end_with_parent()
        channel = channel_to_parent()
        if not draw_for_parent(channel):
            # Nobody reads the results of the runs that may still be in progress.
            os._exit(0)

    def plugins(self, settings: Settings) -> Sequence[PluginReport]:
        try:
            spec = choose_backend(settings.backend.name, backend_entry_points())
        except UnknownBackend:
            spec = None
        return _load_plugins(settings, (), spec).reports

    def backends(self, settings: Settings) -> Sequence[BackendSummary]:
        return summarize(backend_entry_points())

    def diagnose(self, settings: Settings) -> Sequence[Finding]:
        return diagnose(settings, self.backends(settings), self.plugins(settings))

    def check_model(self, path: Path) -> ModelReport:
        return report_on(path)

    def convert_model(
        self,
        source: Path,
        target: Path,
        precision: str | None,
        told: Callable[[int, int], None],
        *,
        force: bool,
    ) -> None:
        report = report_on(source)
        if report.problem is not None:
            raise ModelError(report.problem)
        try:
            from adapters.backends.torch.converting.convert import convert
        except ModuleNotFoundError as error:
            raise SettingsError(f"converting needs {error.name}: pip install 'serena[torch]'") from None
        convert(report, target, precision, told, force=force)

    def pull_model(self, settings: Settings, repository: str, told: Callable[[int, int], None]) -> Path:
        if not settings.hub.allow:
            raise SettingsError(
                "nothing is fetched from a hub unless the setting hub.allow is true: "
                f"SERENA_HUB__ALLOW=true serena models pull {repository}"
            )
        return pull(LibraryHub(), repository, settings.models_dir, told)


def leave_at_once() -> None:
    """Without all that Python does at its end: threads draw, and nobody waits for them. What is to last is on
    disk, and the next process sees that this one is gone."""
    logging.shutdown()
    os._exit(0)


def draw_for_parent(channel: Channel) -> bool:
    """Assemble what runs jobs, and run those that come over ``channel``. False when the parent is gone."""
    from adapters.container import Container
    from adapters.images.blobs_disk import DiskBlobStore
    from adapters.models.handed import HandedModels
    from adapters.worker.process.blame import handed_marks
    from adapters.worker.process.child import ChildWorker, Parts
    from adapters.worker.process.plugin_parts import option_answers

    hello = next(iter(channel), None)
    if hello is None:
        return False
    try:
        settings = handed_settings(hello["settings"])
        log_to_stderr(settings.log.level, settings.log.format)
        spec = choose_backend(settings.backend.name, backend_entry_points())
        marks = handed_marks(hello["marks"]) if "marks" in hello else None
        loaded = _load_plugins(settings, (), spec, marks)
        container = Container(settings=settings, spec=spec, plugins=loaded)
        container.marks.override(marks)
        container.blobs.override(DiskBlobStore(Path(hello["blobs"])))
        models = HandedModels(container.models())
        container.models.override(models)
        hooks, backend = container.hooks(), container.backend()
        hooks.ready(_app_info(container, settings, spec.name))
        tools, resources = container.tools(), container.resources()

        def learn(job: Job, found: Sequence[ModelRef]) -> None:
            models.learn(found)
            try:
                tools.check(job.request)
            except InvalidRequest:
                resources.refresh()  # the parent knows it: it was put there after this process had looked

        child = ChildWorker(
            channel,
            Parts(
                process=container.process_here(),
                backend=backend,
                learn=learn,
                saved=hooks.saved,
                reports=loaded.reports,
                plugin_calls=hooks.counts,
                accept_options=option_answers(container.option_registry()),
            ),
        )
    except SerenaError as error:
        channel.send("refused", reason=str(error))
        return True
    told = child.serve()
    if told:
        hooks.shutdown()
        backend.close()
    return told


def main(argv: list[str] | None = None) -> int:
    """The command line. Returns the exit code."""
    from adapters.cli.app import create_cli
    from adapters.cli.errors import run

    return run(create_cli(LocalHost()), sys.argv[1:] if argv is None else argv)


def _settle(container: Container, start: Callable[[], None], learn_options: Callable[[], None]) -> None:
    from adapters.worker.process.settling import wait_until_ready

    if not container.option_registry().complete:
        start()
        wait_until_ready(container.supervisor())
        learn_options()


def _store_of(settings: Settings, serving: bool) -> str:
    if settings.jobs.store != "auto":
        return settings.jobs.store
    return "sqlite" if serving else "memory"


def _load_apart(
    settings: Settings, plugins: Sequence[tuple[str, object]], overrides: Mapping[str, Any]
) -> LoadedPlugins:
    """Built-in plugins only: the others are loaded in the child, and what they do cannot harm this
    process. Of the built-in ones it is known what they offer before the child says so."""
    given = [f"the plugin {name}" for name, _ in plugins] + ["the backend"] * ("backend" in overrides)
    if given:
        raise SettingsError(
            f"worker.kind is process, and {', '.join(given)} was given as an object, which cannot go to "
            "another process; install it with an entry point, or set worker.kind to thread"
        )
    builtin, chosen = builtin_plugins(), settings.plugins
    own = {name for name, _ in builtin}
    # What is said to the others is theirs to read, where they are loaded.
    told = {name: said for name, said in chosen.given.items() if folded(name) in own}
    return load_plugins(builtin, only=(), block=chosen.block, given=told)


def _load_plugins(
    settings: Settings,
    objects: Sequence[tuple[str, object]],
    spec: BackendSpec | None,
    marks: CallMarks | None = None,
) -> LoadedPlugins:
    chosen = settings.plugins
    return load_plugins(
        builtin_plugins(),
        only=chosen.only,
        block=chosen.block,
        objects=objects,
        specs=[spec.hookspecs] if spec is not None and spec.hookspecs is not None else [],
        given=chosen.given,
        seconds=chosen.load_seconds,
        marks=marks,
    )


def _app_info(container: Container, settings: Settings, backend: str) -> AppInfo:
    return AppInfo(
        version=VERSION,
        hook_api=HOOK_API_VERSION,
        backend=backend,
        data_dir=settings.data_dir,
        models_dir=settings.models_dir,
        resources=container.resources(),
        embeddings_dir=settings.embeddings_dir,
    )
