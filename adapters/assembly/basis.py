"""What is there before any job: stores, plugins, the backend, what is installed, and the options."""

from __future__ import annotations

from typing import Any

from dependency_injector import containers, providers

from adapters.assembly.asking import not_able
from adapters.assembly.installed import make_catalog, make_faces, make_upscalers
from adapters.assembly.plugged import make_backend, make_hooks, make_registry, reports_of
from adapters.assembly.ruling import make_limits
from adapters.assembly.stores import MEMORY, blob_kind, make_blob_place, make_disk_blobs
from adapters.assembly.workers import make_supervisor
from adapters.backends.spec import BackendSpec
from adapters.backends.torch.interrogators import BlipInterrogators
from adapters.clock import SystemClock
from adapters.images.blobs_memory import MemoryBlobStore
from adapters.images.codec_pillow import PillowImageCodec
from adapters.images.editor_pillow import PillowImageEditor
from adapters.images.store_disk import DiskImageStore
from adapters.jobs.choose import open_job_store
from adapters.models.resource_files import DiskResourceFiles
from adapters.options.store_disk import DiskOptionStore
from adapters.options.styles_csv import CsvStyleLibrary
from adapters.options.webui_config import read_webui_config
from adapters.settings import Settings
from adapters.worker.process.saved import RemoteSaved
from core.jobs.outage import Outages
from core.ports.driven import ImageBackend
from core.services.options import OptionEditor
from core.services.scripts import ScriptBook
from core.services.upscaling import InstalledTools
from plugins.marking import CallMarks


class Basis(containers.DeclarativeContainer):
    """One of each. ``settings``, ``spec``, ``plugins``, ``store`` (where jobs are kept) and ``serving`` come
    from outside."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    spec: providers.Dependency[BackendSpec] = providers.Dependency(instance_of=BackendSpec)
    plugins: providers.Dependency[Any] = providers.Dependency()
    store: providers.Dependency[str] = providers.Dependency(instance_of=str, default=MEMORY)
    serving: providers.Dependency[bool] = providers.Dependency(instance_of=bool, default=False)

    clock = providers.Singleton(SystemClock)
    outages = providers.Singleton(Outages)
    job_store = providers.Singleton(
        open_job_store, store, settings.provided.data_dir, outages.provided.stored
    )
    blob_place = providers.Singleton(make_blob_place, store, settings.provided.data_dir)
    blobs = providers.Selector(
        providers.Callable(blob_kind, store, settings.provided.worker.kind),
        memory=providers.Singleton(MemoryBlobStore),
        disk=providers.Singleton(make_disk_blobs, blob_place.provided.folder),
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

    marks: providers.Provider[CallMarks | None] = providers.Object(None)
    hooks = providers.Singleton(make_hooks, plugins, settings.provided.plugins, marks)
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
    reason = providers.Callable(not_able, outages, option_registry)
    supervisor = providers.Singleton(
        make_supervisor, settings, spec, blob_place.provided.folder, outages.provided.worker
    )
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
    resource_files = providers.Singleton(
        DiskResourceFiles, settings.provided.models_dir, settings.provided.embeddings_dir
    )
