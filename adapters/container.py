"""The wiring: which adapter stands behind which port. Seen by ``bootstrap`` only."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from dependency_injector import containers, providers

from adapters.backends.remote import RemoteBackend
from adapters.backends.spec import BackendSpec
from adapters.backends.torch.faces import (
    NetworkFaceRestorers,
    face_reader,
    missing_for_faces,
    opencv_finder,
)
from adapters.backends.torch.interrogators import BlipInterrogators
from adapters.backends.torch.upscalers import NetworkUpscalers, missing_packages, spandrel_reader
from adapters.clock import SystemClock
from adapters.http.wire.job_views import webhook_body
from adapters.images.blobs_memory import MemoryBlobStore
from adapters.images.codec_pillow import PillowImageCodec
from adapters.images.editor_pillow import PillowImageEditor
from adapters.images.store_disk import DiskImageStore
from adapters.images.upscalers import PillowUpscalers
from adapters.job_log import JobLog
from adapters.jobs.alone import NoOtherProcesses
from adapters.jobs.choose import open_job_store
from adapters.models.catalog_disk import DiskModelCatalog
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.models.face_files import FaceFiles
from adapters.models.resource_files import DiskResourceFiles
from adapters.models.upscaler_files import UpscalerFiles
from adapters.nothing import host_memory
from adapters.options.store_disk import DiskOptionStore
from adapters.options.styles_csv import CsvStyleLibrary
from adapters.options.webui_config import read_webui_config
from adapters.settings import JobSettings, LimitSettings, PluginSettings, Settings
from adapters.version import INFOTEXT_VERSION
from adapters.webhooks import SignedWebhooks
from adapters.worker.keeper import KeeperThread
from adapters.worker.process.processing import RemoteProcessing
from adapters.worker.process.saved import RemoteSaved
from adapters.worker.process.supervisor import Supervisor
from adapters.worker.process.worker import ProcessWorker
from adapters.worker.thread import ThreadWorker
from core.domain.limits import RequestLimits
from core.domain.model import ModelRef
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import Kind
from core.domain.seeds import MAX_RANDOM_SEED
from core.jobs.acceptance import Acceptance
from core.jobs.control import JobTools
from core.jobs.ending import Endings
from core.jobs.events import JobNews
from core.jobs.keeper import JobKeeper
from core.jobs.live import LiveJobs
from core.jobs.loop import JobLoop
from core.jobs.outage import Outage
from core.jobs.previews import preview_format
from core.jobs.publishing import Publisher
from core.jobs.retention import Retention
from core.jobs.rules import JobRules
from core.jobs.service import JobService
from core.jobs.slots import Slots
from core.jobs.waiters import Waiters
from core.ports.driven import (
    BlobStore,
    FaceRestorers,
    ImageBackend,
    ModelCatalog,
    Processes,
    QueueLimits,
    Upscalers,
)
from core.processing import process_images
from core.runner import ProcessingRunner
from core.services.health import Readiness
from core.services.inspect import PictureReader
from core.services.memory import ModelMemory
from core.services.models import ModelBrowser
from core.services.options import OptionEditor
from core.services.resources import ResourceBrowser
from core.services.scripts import ScriptBook
from core.services.upscaling import InstalledTools, UpscalerChain
from core.stages.execute import Drawing
from core.stages.extra_files import InitFiles
from core.stages.extras import ExtrasStaging, ExtrasTools
from core.stages.finalize import Finishing
from core.stages.init_pictures import InitPreparing
from core.stages.interrogate import InterrogateStaging, InterrogateTools
from core.stages.prepare import Preparing
from core.stages.saving import Saving
from core.stages.staged import Staging
from core.stages.workbench import Workbench
from plugins.calling import HookRules
from plugins.hooks import PluggyRunHooks
from plugins.manager import LoadedPlugins
from plugins.report import PluginReport

MEMORY = "memory"
HASH_CACHE = "cache/hashes.json"


def new_id() -> str:
    return uuid.uuid4().hex


def random_seed() -> int:
    return secrets.randbelow(MAX_RANDOM_SEED + 1)


def make_limits(settings: LimitSettings) -> RequestLimits:
    return RequestLimits(
        max_pixels=settings.max_pixels,
        max_images=settings.max_images,
        max_steps=settings.max_steps,
        max_prompt=settings.max_prompt,
    )


def make_catalog(spec: BackendSpec, settings: Settings) -> ModelCatalog:
    if spec.own_models is not None:
        return FakeModelCatalog(spec.own_models)
    cache = settings.data_dir / HASH_CACHE
    return DiskModelCatalog(settings.models_dir, builtin=settings.models.builtin, cache=cache)


def make_upscalers(settings: Settings) -> Upscalers:
    networks = NetworkUpscalers(
        UpscalerFiles(settings.models_dir),
        spandrel_reader(settings.backend.device),
        missing_packages,
        settings.limits.max_pixels,
    )
    return UpscalerChain(PillowUpscalers(), networks)


def make_faces(settings: Settings) -> FaceRestorers:
    reader = face_reader(settings.backend.device)
    return NetworkFaceRestorers(FaceFiles(settings.models_dir), reader, opencv_finder, missing_for_faces)


def make_staging(extras: ExtrasTools, interrogate: InterrogateTools) -> Mapping[Kind, Staging]:
    return {Kind.EXTRAS: ExtrasStaging(extras), Kind.INTERROGATE: InterrogateStaging(interrogate)}


def reports_of(loaded: LoadedPlugins) -> Sequence[PluginReport]:
    return loaded.reports


def make_registry(loaded: LoadedPlugins, worker: str) -> OptionRegistry:
    """Plugins that are loaded in another process bring their options later."""
    registry = OptionRegistry(OPTIONS, complete=worker == "thread")
    for one in loaded.settings:
        registry.add_group(one.kind, one.specs, one.make)
    return registry


def make_backend(spec: BackendSpec, settings: Settings, hooks: PluggyRunHooks) -> ImageBackend:
    return spec.create_hooked(settings, hooks.shipped) if spec.create_hooked else spec.create(settings)


def make_hooks(loaded: LoadedPlugins, settings: PluginSettings) -> PluggyRunHooks:
    rules = HookRules(
        on_error=settings.on_error,
        errors=settings.errors,
        seconds=settings.hook_seconds,
        life_seconds=settings.load_seconds,
        trusted=loaded.builtin,
        trace=_trace if os.environ.get("SERENA_TRACE_HOOKS") == "1" else None,
    )
    return PluggyRunHooks(loaded, rules)


def _trace(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def make_worker(loop: JobLoop, backend: ImageBackend, spare: int, let: Callable[[int], None]) -> ThreadWorker:
    return ThreadWorker(loop, backend.describe().max_runs, spare, let)


def spare_threads(rules: JobRules) -> int:
    """To store what lasts means to wait for a disk; memory is there at once."""
    return 4 if rules.lasting else 0


def blob_kind(store: str, worker: str) -> str:
    """Pictures stay in memory where nobody else has to find them."""
    return "memory" if store == MEMORY and worker == "thread" else "disk"


def make_blob_folder(store: str, data_dir: Path) -> Path:
    """Where pictures lie that outlive the process, or that another process has to find."""
    if store == MEMORY:
        return Path(tempfile.mkdtemp(prefix="serena-blobs-"))
    return data_dir.absolute() / "blobs"


def make_disk_blobs(folder: Path) -> BlobStore:
    from adapters.images.blobs_disk import DiskBlobStore

    return DiskBlobStore(folder)


def make_processes(store: str, data_dir: Path) -> Processes:
    if store == MEMORY:
        return NoOtherProcesses()
    from adapters.jobs.processes import LockedProcesses

    return LockedProcesses(data_dir)


def make_webhooks(settings: JobSettings) -> SignedWebhooks:
    secret = settings.webhook_secret
    return SignedWebhooks(settings.webhook_hosts, secret.get_secret_value() if secret else None)


def make_supervisor(settings: Settings, spec: BackendSpec, blobs: Path, outage: Outage) -> Supervisor:
    """The child is told of the settings what it draws with, and nothing that is secret."""
    plain = settings.model_dump(mode="json", include={"backend", "models", "plugins", "limits", "log"})
    plain["data_dir"] = str(settings.data_dir.absolute())
    plain["backend"]["name"] = spec.name
    return Supervisor({"settings": plain, "blobs": str(blobs)}, outage=outage)


def make_rules(settings: JobSettings, store: str, serving: bool) -> JobRules:
    return JobRules(
        limits=QueueLimits(
            settings.max_queued,
            settings.max_per_client,
            settings.max_queued_mb * 1024 * 1024 if settings.max_queued_mb else None,
        ),
        keep=settings.keep,
        keep_for=timedelta(hours=settings.keep_hours) if settings.keep_hours else None,
        keep_bytes=settings.keep_mb * 1024 * 1024 if settings.keep_mb else None,
        lease=timedelta(seconds=settings.lease_seconds),
        max_attempts=settings.max_attempts,
        patient=serving,
        lasting=store != MEMORY,
    )


def not_able(outage: Outage, registry: OptionRegistry) -> Callable[[], str | None]:
    return lambda: outage.reason or (None if registry.complete else "the plugins are being loaded")


def draining(jobs: JobService) -> Callable[[], bool]:
    return lambda: jobs.is_draining


def model_chooser(acceptance: Acceptance, options: OptionEditor) -> Callable[[], ModelRef]:
    return lambda: acceptance.choose_model(options.values())


class Container(containers.DeclarativeContainer):
    """One of each. ``settings``, ``spec``, ``plugins``, ``store`` (where jobs are kept) and ``serving`` come
    from outside."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    spec: providers.Dependency[BackendSpec] = providers.Dependency(instance_of=BackendSpec)
    plugins: providers.Dependency[Any] = providers.Dependency()
    store: providers.Dependency[str] = providers.Dependency(instance_of=str, default=MEMORY)
    serving: providers.Dependency[bool] = providers.Dependency(instance_of=bool, default=False)

    clock = providers.Singleton(SystemClock)
    job_store = providers.Singleton(open_job_store, store, settings.provided.data_dir)
    blob_folder = providers.Singleton(make_blob_folder, store, settings.provided.data_dir)
    blobs = providers.Selector(
        providers.Callable(blob_kind, store, settings.provided.worker.kind),
        memory=providers.Singleton(MemoryBlobStore),
        disk=providers.Singleton(make_disk_blobs, blob_folder),
    )
    codec = providers.Singleton(PillowImageCodec)
    editor = providers.Singleton(PillowImageEditor)
    image_store = providers.Singleton(DiskImageStore, settings.provided.data_dir)
    option_registry = providers.Singleton(make_registry, plugins, settings.provided.worker.kind)
    option_store = providers.Singleton(
        DiskOptionStore, settings.provided.data_dir, option_registry.provided.may_have
    )
    styles = providers.Singleton(CsvStyleLibrary, settings.provided.data_dir)
    limits = providers.Singleton(make_limits, settings.provided.limits)

    hooks = providers.Singleton(make_hooks, plugins, settings.provided.plugins)
    backend: providers.Provider[ImageBackend] = providers.Singleton(make_backend, spec, settings, hooks)
    models = providers.Singleton(make_catalog, spec, settings)
    upscalers = providers.Singleton(make_upscalers, settings)
    faces = providers.Singleton(make_faces, settings)
    interrogators = providers.Singleton(
        BlipInterrogators, settings.provided.models_dir, settings.provided.backend.device
    )
    reports = providers.Singleton(reports_of, plugins)
    scripts = providers.Singleton(ScriptBook, reports)
    tools = providers.Singleton(InstalledTools, upscalers, interrogators)
    outage = providers.Singleton(Outage)
    reason = providers.Callable(not_able, outage, option_registry)
    supervisor = providers.Singleton(make_supervisor, settings, spec, blob_folder, outage)
    saved = providers.Selector(
        settings.provided.worker.kind, thread=hooks, process=providers.Singleton(RemoteSaved, supervisor)
    )

    webui_options = providers.Singleton(
        read_webui_config, settings.provided.data_dir, option_registry, models
    )
    options = providers.Singleton(
        OptionEditor,
        option_registry,
        option_store,
        models,
        settings.provided.models.default,
        webui_options,
    )
    acceptance = providers.Singleton(
        Acceptance,
        options=options.provided.values,
        models=models,
        styles=styles,
        limits=limits,
        random_seed=providers.Object(random_seed),
        default_model=settings.provided.models.default,
        checks=providers.List(tools.provided.check, scripts.provided.check),
    )
    rules = providers.Singleton(make_rules, settings.provided.jobs, store, serving)
    processes = providers.Singleton(make_processes, store, settings.provided.data_dir)
    webhooks = providers.Singleton(make_webhooks, settings.provided.jobs)
    news = providers.Singleton(JobNews, providers.Singleton(JobLog))
    live = providers.Singleton(LiveJobs, clock.provided.seconds, news)
    waiters = providers.Singleton(Waiters)
    publisher = providers.Singleton(
        Publisher,
        store=job_store,
        blobs=blobs,
        files=image_store,
        hooks=saved,
        webhooks=webhooks,
        body=providers.Object(webhook_body),
        clock=clock,
    )
    retention = providers.Singleton(Retention, store=job_store, blobs=blobs, clock=clock, rules=rules)
    endings = providers.Singleton(
        Endings, store=job_store, waiters=waiters, publisher=publisher, retention=retention, news=news
    )
    jobs = providers.Singleton(
        JobService,
        providers.Singleton(
            JobTools,
            store=job_store,
            blobs=blobs,
            codec=codec,
            live=live,
            waiters=waiters,
            endings=endings,
            retention=retention,
            processes=processes,
            clock=clock,
            rules=rules,
            preview_format=providers.Callable(preview_format, options.provided.values),
            news=news,
            outage=outage,
        ),
        acceptance=acceptance,
        webhooks=webhooks,
        new_id=providers.Object(new_id),
    )
    runner = providers.Singleton(
        ProcessingRunner,
        backend=backend,
        hooks=hooks,
        preparing=providers.Singleton(
            Preparing,
            hooks,
            providers.Singleton(
                InitPreparing,
                blobs,
                codec,
                editor,
                providers.Singleton(InitFiles, codec, image_store),
                upscalers,
            ),
            limits,
            upscalers,
            faces,
        ),
        drawing=providers.Singleton(Drawing, hooks, editor),
        finishing=providers.Singleton(
            Finishing,
            hooks=hooks,
            codec=codec,
            editor=editor,
            blobs=blobs,
            saving=providers.Singleton(Saving, hooks, codec, editor, image_store, clock),
            marks=providers.Callable(lambda backend: backend.describe().infotext, backend),
            version=INFOTEXT_VERSION,
        ),
        workbench=providers.Singleton(Workbench, codec, blobs, editor, upscalers, limits),
        clock=clock,
        new_id=providers.Object(new_id),
        staging=providers.Callable(
            make_staging,
            extras=providers.Singleton(
                ExtrasTools,
                hooks=hooks,
                codec=codec,
                editor=editor,
                blobs=blobs,
                upscalers=upscalers,
                faces=faces,
                limits=limits,
            ),
            interrogate=providers.Singleton(
                InterrogateTools,
                hooks=hooks,
                codec=codec,
                editor=editor,
                blobs=blobs,
                interrogators=interrogators,
                limits=limits,
            ),
        ),
    )
    process_here = providers.Singleton(
        partial, process_images, runner=runner, models=models, options=option_registry
    )
    process = providers.Selector(
        settings.provided.worker.kind,
        thread=process_here,
        process=providers.Singleton(
            RemoteProcessing, supervisor, models.provided.find, settings.provided.worker.timeout_seconds
        ),
    )
    model_host = providers.Selector(
        settings.provided.worker.kind,
        thread=backend,
        process=providers.Singleton(RemoteBackend, supervisor, spec.provided.name),
    )
    slots = providers.Singleton(Slots, 1)
    spare = providers.Callable(spare_threads, rules)
    loop = providers.Singleton(
        JobLoop,
        store=job_store,
        endings=endings,
        retention=retention,
        live=live,
        process=process,
        processes=processes,
        clock=clock,
        new_id=providers.Object(new_id),
        rules=rules,
        is_draining=providers.Callable(draining, jobs),
        slots=slots,
        outage=outage,
        news=news,
    )
    keeper = providers.Singleton(
        KeeperThread,
        providers.Singleton(
            JobKeeper,
            store=job_store,
            live=live,
            waiters=waiters,
            endings=endings,
            publisher=publisher,
            retention=retention,
            processes=processes,
            clock=clock,
            rules=rules,
        ),
    )
    worker = providers.Selector(
        settings.provided.worker.kind,
        thread=providers.Singleton(make_worker, loop, backend, spare, slots.provided.grow),
        process=providers.Singleton(
            ProcessWorker, providers.Singleton(ThreadWorker, loop, 1, spare, slots.provided.grow), supervisor
        ),
    )
    browser = providers.Singleton(
        ModelBrowser, models, providers.Callable(model_chooser, acceptance, options)
    )
    readiness = providers.Singleton(
        Readiness, model_host, providers.Callable(model_chooser, acceptance, options), unable=reason
    )
    memory = providers.Singleton(
        ModelMemory,
        providers.Object(host_memory),
        model_host,
        providers.Callable(model_chooser, acceptance, options),
    )
    resource_files = providers.Singleton(
        DiskResourceFiles, settings.provided.models_dir, settings.provided.embeddings_dir
    )
    resources = providers.Singleton(
        ResourceBrowser,
        upscalers=upscalers,
        faces=faces,
        styles=styles,
        files=resource_files,
        scripts=scripts.provided.all,
    )
    reader = providers.Singleton(PictureReader, codec)
