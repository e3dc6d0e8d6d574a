"""The wiring: which adapter stands behind which port. Seen by ``bootstrap`` only."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dependency_injector import containers, providers

from adapters.backends.spec import BackendSpec
from adapters.backends.torch.interrogators import BlipInterrogators
from adapters.backends.torch.upscalers import NetworkUpscalers, missing_packages, spandrel_reader
from adapters.clock import SystemClock
from adapters.images.blobs_memory import MemoryBlobStore
from adapters.images.codec_pillow import PillowImageCodec
from adapters.images.editor_pillow import PillowImageEditor
from adapters.images.faces import NoFaceRestorers
from adapters.images.store_disk import DiskImageStore
from adapters.images.upscalers import PillowUpscalers
from adapters.jobs.memory import MemoryJobStore
from adapters.models.catalog_disk import DiskModelCatalog
from adapters.models.catalog_fake import FakeModelCatalog
from adapters.models.resource_files import DiskResourceFiles
from adapters.models.upscaler_files import UpscalerFiles
from adapters.nothing import host_memory
from adapters.options.store_disk import DiskOptionStore
from adapters.options.styles_csv import CsvStyleLibrary
from adapters.options.webui_config import read_webui_config
from adapters.settings import LimitSettings, Settings
from adapters.version import INFOTEXT_VERSION
from adapters.worker.thread import ThreadWorker
from core.domain.limits import RequestLimits
from core.domain.model import ModelRef
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.request import Kind
from core.domain.seeds import MAX_RANDOM_SEED
from core.jobs.acceptance import Acceptance
from core.jobs.live import LiveJobs
from core.jobs.loop import JobLoop
from core.jobs.previews import preview_format
from core.jobs.service import JobService
from core.ports.driven import ImageBackend, ModelCatalog, Upscalers
from core.processing import process_images
from core.runner import ProcessingRunner
from core.services.health import Readiness
from core.services.inspect import PictureReader
from core.services.memory import ModelMemory
from core.services.models import ModelBrowser
from core.services.options import OptionEditor
from core.services.resources import ResourceBrowser
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
from plugins.hooks import PluggyRunHooks


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
    return DiskModelCatalog(settings.models_dir, builtin=settings.models.builtin)


def make_upscalers(settings: Settings) -> Upscalers:
    networks = NetworkUpscalers(
        UpscalerFiles(settings.models_dir),
        spandrel_reader(settings.backend.device),
        missing_packages,
        settings.limits.max_pixels,
    )
    return UpscalerChain(PillowUpscalers(), networks)


def make_staging(extras: ExtrasTools, interrogate: InterrogateTools) -> Mapping[Kind, Staging]:
    return {Kind.EXTRAS: ExtrasStaging(extras), Kind.INTERROGATE: InterrogateStaging(interrogate)}


def make_worker(loop: JobLoop, backend: ImageBackend) -> ThreadWorker:
    return ThreadWorker(loop, backend.describe().max_runs)


def model_chooser(acceptance: Acceptance, options: OptionEditor) -> Callable[[], ModelRef]:
    return lambda: acceptance.choose_model(options.values())


class Container(containers.DeclarativeContainer):
    """One of each. ``settings``, ``spec`` and ``plugins`` come from outside."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    spec: providers.Dependency[BackendSpec] = providers.Dependency(instance_of=BackendSpec)
    plugins: providers.Dependency[Any] = providers.Dependency()

    clock = providers.Singleton(SystemClock)
    job_store = providers.Singleton(MemoryJobStore)
    blobs = providers.Singleton(MemoryBlobStore)
    codec = providers.Singleton(PillowImageCodec)
    editor = providers.Singleton(PillowImageEditor)
    image_store = providers.Singleton(DiskImageStore, settings.provided.data_dir)
    option_registry = providers.Singleton(OptionRegistry, OPTIONS)
    option_store = providers.Singleton(DiskOptionStore, settings.provided.data_dir, option_registry)
    styles = providers.Singleton(CsvStyleLibrary, settings.provided.data_dir)
    limits = providers.Singleton(make_limits, settings.provided.limits)

    backend: providers.Provider[ImageBackend] = providers.Singleton(spec.provided.create.call(settings))
    models = providers.Singleton(make_catalog, spec, settings)
    upscalers = providers.Singleton(make_upscalers, settings)
    faces = providers.Singleton(NoFaceRestorers)
    interrogators = providers.Singleton(
        BlipInterrogators, settings.provided.models_dir, settings.provided.backend.device
    )
    tools = providers.Singleton(InstalledTools, upscalers, interrogators)
    hooks = providers.Singleton(PluggyRunHooks, plugins, settings.provided.plugins.on_error)

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
    live = providers.Singleton(LiveJobs, clock.provided.seconds)
    acceptance = providers.Singleton(
        Acceptance,
        options=options.provided.values,
        models=models,
        styles=styles,
        limits=limits,
        random_seed=providers.Object(random_seed),
        default_model=settings.provided.models.default,
        checks=providers.List(tools.provided.check),
    )
    jobs = providers.Singleton(
        JobService,
        store=job_store,
        blobs=blobs,
        codec=codec,
        acceptance=acceptance,
        live=live,
        clock=clock,
        new_id=providers.Object(new_id),
        preview_format=providers.Callable(preview_format, options.provided.values),
        max_queued=settings.provided.jobs.max_queued,
        keep=settings.provided.jobs.keep,
    )
    runner = providers.Singleton(
        ProcessingRunner,
        backend=backend,
        hooks=hooks,
        preparing=providers.Singleton(
            Preparing,
            hooks,
            providers.Singleton(
                InitPreparing, blobs, codec, editor, providers.Singleton(InitFiles, codec, image_store)
            ),
            limits,
            upscalers,
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
    process = providers.Singleton(
        partial, process_images, runner=runner, models=models, options=option_registry
    )
    loop = providers.Singleton(
        JobLoop, store=job_store, service=jobs, live=live, process=process, clock=clock
    )
    worker = providers.Singleton(make_worker, loop, backend)
    browser = providers.Singleton(
        ModelBrowser, models, providers.Callable(model_chooser, acceptance, options)
    )
    readiness = providers.Singleton(
        Readiness, backend, providers.Callable(model_chooser, acceptance, options)
    )
    memory = providers.Singleton(
        ModelMemory,
        providers.Object(host_memory),
        backend,
        providers.Callable(model_chooser, acceptance, options),
    )
    resource_files = providers.Singleton(
        DiskResourceFiles, settings.provided.models_dir, settings.provided.embeddings_dir
    )
    resources = providers.Singleton(
        ResourceBrowser, upscalers=upscalers, faces=faces, styles=styles, files=resource_files
    )
    reader = providers.Singleton(PictureReader, codec)
