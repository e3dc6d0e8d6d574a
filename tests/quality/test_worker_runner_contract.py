"""A job in the store, however it came there, goes through the runner."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from adapters.application import Application
from adapters.jobs.memory import MemoryJobStore
from contracts.entrypoint import DeclinedError, EntrypointContract, Order, Rig
from contracts.fakes import PATIENCE
from contracts.opened import Picture, pictures_of
from core.domain.errors import SerenaError
from core.domain.job import FrozenInputs, Job, JobId
from tests.quality.rigging import assemble, started


class TestWorker(EntrypointContract):
    door = "worker"

    @contextmanager
    def open(self, rig: Rig) -> Iterator[Application]:
        self.store = MemoryJobStore()
        with started(assemble(rig, job_store=self.store)) as self.app:
            yield self.app

    def draw(self, order: Order) -> Picture:
        [model] = self.app.models.models()
        job = Job(
            id=JobId(f"job-{uuid.uuid4()}"),
            request=order.request(),
            frozen=FrozenInputs(seed=order.seed, subseed=7, model=model.identity),
            created_at=datetime.now(UTC),
        )
        self.store.put(job)
        try:
            ended = self.app.images.wait(job.id, PATIENCE)
        except SerenaError as error:
            raise DeclinedError(str(error)) from error
        return pictures_of(self.app, ended)[0]

    def interrupt(self) -> None:
        self.app.jobs.interrupt()
