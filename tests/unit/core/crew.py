"""The parts of one process that has to do with jobs, wired by hand and without threads."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from adapters.jobs.alone import NoOtherProcesses
from adapters.webhooks import SignedWebhooks
from core.domain.image import ImageFormat
from core.domain.job import Job
from core.jobs.acceptance import Acceptance
from core.jobs.control import JobTools
from core.jobs.ending import Endings
from core.jobs.keeper import JobKeeper
from core.jobs.live import LiveJobs
from core.jobs.loop import JobLoop, ProcessImages
from core.jobs.outage import Outages
from core.jobs.publishing import Publisher
from core.jobs.retention import Retention
from core.jobs.rules import JobRules
from core.jobs.service import JobService
from core.jobs.waiters import Waiters
from core.ports.driven import (
    BlobStore,
    Clock,
    ImageCodec,
    ImageStore,
    JobStore,
    Processes,
    RunHooks,
    Webhooks,
)


def body_of(job: Job) -> bytes:
    """What a webhook says."""
    return f"{job.id} {job.state}".encode()


class Crew:
    """Attributes are its parts; ids of jobs and of leases come from ``new_id``."""

    def __init__(
        self,
        *,
        store: JobStore,
        blobs: BlobStore,
        codec: ImageCodec,
        files: ImageStore,
        hooks: RunHooks,
        acceptance: Acceptance,
        clock: Clock,
        rules: JobRules,
        process: ProcessImages,
        new_id: Callable[[], str],
        preview_format: Callable[[], ImageFormat | None] = lambda: None,
        processes: Processes | None = None,
        webhooks: Webhooks | None = None,
        outages: Outages | None = None,
    ) -> None:
        self.outages = outages or Outages()
        leases = itertools.count(1)
        self.processes = processes or NoOtherProcesses()
        self.live = LiveJobs(clock.seconds)
        self.waiters = Waiters()
        webhooks = webhooks or SignedWebhooks((), None)
        self.publisher = Publisher(
            store=store, blobs=blobs, files=files, hooks=hooks, webhooks=webhooks, body=body_of, clock=clock
        )
        self.retention = Retention(store=store, blobs=blobs, clock=clock, rules=rules)
        self.endings = Endings(
            store=store, waiters=self.waiters, publisher=self.publisher, retention=self.retention
        )
        tools = JobTools(
            store=store,
            blobs=blobs,
            codec=codec,
            live=self.live,
            waiters=self.waiters,
            endings=self.endings,
            retention=self.retention,
            processes=self.processes,
            clock=clock,
            rules=rules,
            preview_format=preview_format,
            outage=self.outages,
        )
        self.service = JobService(tools, acceptance=acceptance, webhooks=webhooks, new_id=new_id)
        self.loop = JobLoop(
            store=store,
            endings=self.endings,
            retention=self.retention,
            live=self.live,
            process=process,
            processes=self.processes,
            clock=clock,
            new_id=lambda: f"lease-{self.processes.me}-{next(leases)}",
            rules=rules,
            is_draining=lambda: self.service.is_draining,
            outage=self.outages,
        )
        self.keeper = JobKeeper(
            store=store,
            live=self.live,
            waiters=self.waiters,
            endings=self.endings,
            publisher=self.publisher,
            retention=self.retention,
            processes=self.processes,
            clock=clock,
            rules=rules,
        )

    def look_after(self) -> None:
        """What the threads of a keeper do, in one."""
        self.keeper.tick()
        self.keeper.publish_due()
