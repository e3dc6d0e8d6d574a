"""``serena.client`` over real HTTP, and so ``/api/v1``, goes through the runner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from adapters.application import Application
from adapters.client.models import JobView, Txt2ImgRequest
from adapters.client.sync import Client
from contracts.entrypoint import DeclinedError, EntrypointContract, Order, Rig
from contracts.fakes import PATIENCE
from contracts.opened import Picture
from core.domain.errors import SerenaError
from tests.quality.rigging import assemble, started
from tests.quality.test_api_runner_contract import listening


class TestClient(EntrypointContract):
    door = "client"

    @contextmanager
    def open(self, rig: Rig) -> Iterator[Application]:
        with started(assemble(rig)) as app, listening(app) as url, Client(url) as client:
            self.client = client
            yield app

    def draw(self, order: Order) -> Picture:
        [picture] = self.client.images(self.run(order))
        return Picture.of_file(picture)

    def run(self, order: Order) -> JobView:
        try:
            return self.client.run(Txt2ImgRequest(**asdict(order)), timeout=PATIENCE)
        except SerenaError as error:
            raise DeclinedError(str(error)) from error

    def interrupt(self) -> None:
        [job] = self.client.jobs(["running"])
        self.client.cancel(job.id)
