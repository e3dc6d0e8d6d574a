"""The wiring: which adapter stands behind which port. Seen by ``bootstrap`` only."""

from __future__ import annotations

from functools import partial

from dependency_injector import providers

from adapters.assembly.asking import draining, model_chooser, new_id, random_seed
from adapters.assembly.basis import Basis
from adapters.assembly.ruling import make_rules, make_webhooks
from adapters.assembly.stages import Stages
from adapters.assembly.stores import make_processes
from adapters.assembly.workers import make_worker, spare_threads
from adapters.backends.remote import RemoteBackend
from adapters.http.wire.job_views import webhook_body
from adapters.job_log import JobLog
from adapters.nothing import host_memory
from adapters.worker.keeper import KeeperThread
from adapters.worker.process.processing import RemoteProcessing
from adapters.worker.process.worker import ProcessWorker
from adapters.worker.thread import ThreadWorker
from core.jobs.acceptance import Acceptance
from core.jobs.control import JobTools
from core.jobs.ending import Endings
from core.jobs.events import JobNews
from core.jobs.keeper import JobKeeper
from core.jobs.live import LiveJobs
from core.jobs.loop import JobLoop
from core.jobs.previews import preview_format
from core.jobs.publishing import Publisher
from core.jobs.retention import Retention
from core.jobs.service import JobService
from core.jobs.slots import Slots
from core.jobs.waiters import Waiters
from core.processing import process_images
from core.runner import ProcessingRunner
from core.services.health import Readiness
from core.services.inspect import PictureReader
from core.services.memory import ModelMemory
from core.services.models import ModelBrowser
from core.services.resources import ResourceBrowser


class Container(Stages):
    """One of each. What comes from outside is in ``Basis``."""

    acceptance = providers.Singleton(
        Acceptance,
        options=Basis.options.provided.values,
        models=Basis.models,
        styles=Basis.styles,
        limits=Basis.limits,
        random_seed=providers.Object(random_seed),
        default_model=Basis.settings.provided.models.default,
        checks=providers.List(Basis.tools.provided.check, Basis.scripts.provided.check),
    )
    rules = providers.Singleton(make_rules, Basis.settings.provided.jobs, Basis.store, Basis.serving)
    processes = providers.Singleton(make_processes, Basis.store, Basis.settings.provided.data_dir)
    webhooks = providers.Singleton(make_webhooks, Basis.settings.provided.jobs)
    news = providers.Singleton(JobNews, providers.Singleton(JobLog))
    live = providers.Singleton(LiveJobs, Basis.clock.provided.seconds, news)
    waiters = providers.Singleton(Waiters)
    publisher = providers.Singleton(
        Publisher,
        store=Basis.job_store,
        blobs=Basis.blobs,
        files=Basis.image_store,
        hooks=Basis.saved,
        webhooks=webhooks,
        body=providers.Object(webhook_body),
        clock=Basis.clock,
    )
    retention = providers.Singleton(
        Retention, store=Basis.job_store, blobs=Basis.blobs, clock=Basis.clock, rules=rules
    )
    endings = providers.Singleton(
        Endings, store=Basis.job_store, waiters=waiters, publisher=publisher, retention=retention, news=news
    )
    jobs = providers.Singleton(
        JobService,
        providers.Singleton(
            JobTools,
            store=Basis.job_store,
            blobs=Basis.blobs,
            codec=Basis.codec,
            live=live,
            waiters=waiters,
            endings=endings,
            retention=retention,
            processes=processes,
            clock=Basis.clock,
            rules=rules,
            preview_format=providers.Callable(preview_format, Basis.options.provided.values),
            news=news,
            outage=Basis.outages,
        ),
        acceptance=acceptance,
        webhooks=webhooks,
        new_id=providers.Object(new_id),
    )
    runner = providers.Singleton(
        ProcessingRunner,
        backend=Basis.backend,
        hooks=Basis.hooks,
        preparing=Stages.preparing,
        drawing=Stages.drawing,
        finishing=Stages.finishing,
        workbench=Stages.workbench,
        clock=Basis.clock,
        new_id=providers.Object(new_id),
        staging=Stages.staging,
    )
    process_here = providers.Singleton(
        partial, process_images, runner=runner, models=Basis.models, options=Basis.option_registry
    )
    process = providers.Selector(
        Basis.settings.provided.worker.kind,
        thread=process_here,
        process=providers.Singleton(
            RemoteProcessing,
            Basis.supervisor,
            Basis.models.provided.find,
            Basis.settings.provided.worker.timeout_seconds,
        ),
    )
    model_host = providers.Selector(
        Basis.settings.provided.worker.kind,
        thread=Basis.backend,
        process=providers.Singleton(RemoteBackend, Basis.supervisor, Basis.spec.provided.name),
    )
    slots = providers.Singleton(Slots, 1)
    spare = providers.Callable(spare_threads, rules)
    loop = providers.Singleton(
        JobLoop,
        store=Basis.job_store,
        endings=endings,
        retention=retention,
        live=live,
        process=process,
        processes=processes,
        clock=Basis.clock,
        new_id=providers.Object(new_id),
        rules=rules,
        is_draining=providers.Callable(draining, jobs),
        slots=slots,
        outage=Basis.outages,
        news=news,
    )
    keeper = providers.Singleton(
        KeeperThread,
        providers.Singleton(
            JobKeeper,
            store=Basis.job_store,
            live=live,
            waiters=waiters,
            endings=endings,
            publisher=publisher,
            retention=retention,
            processes=processes,
            clock=Basis.clock,
            rules=rules,
        ),
    )
    worker = providers.Selector(
        Basis.settings.provided.worker.kind,
        thread=providers.Singleton(make_worker, loop, Basis.backend, spare, slots.provided.grow),
        process=providers.Singleton(
            ProcessWorker,
            providers.Singleton(ThreadWorker, loop, 1, spare, slots.provided.grow),
            Basis.supervisor,
        ),
    )
    browser = providers.Singleton(
        ModelBrowser, Basis.models, providers.Callable(model_chooser, acceptance, Basis.options)
    )
    readiness = providers.Singleton(
        Readiness,
        model_host,
        providers.Callable(model_chooser, acceptance, Basis.options),
        unable=Basis.reason,
    )
    memory = providers.Singleton(
        ModelMemory,
        providers.Object(host_memory),
        model_host,
        providers.Callable(model_chooser, acceptance, Basis.options),
    )
    resources = providers.Singleton(
        ResourceBrowser,
        upscalers=Basis.upscalers,
        faces=Basis.faces,
        styles=Basis.styles,
        files=Basis.resource_files,
        scripts=Basis.scripts.provided.all,
    )
    reader = providers.Singleton(PictureReader, Basis.codec)
