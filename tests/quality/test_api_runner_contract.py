"""``/sdapi/v1`` over real HTTP goes through the runner."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import httpx
import uvicorn

from adapters.application import Application
from adapters.http.app import create_app
from contracts.backend import png
from contracts.entrypoint import DeclinedError, EntrypointContract, Order, Rig
from contracts.fakes import PATIENCE
from contracts.opened import Picture
from tests.quality.rigging import assemble, started


class TestHttp(EntrypointContract):
    door = "http"

    @contextmanager
    def open(self, rig: Rig) -> Iterator[Application]:
        with (
            started(assemble(rig)) as app,
            listening(app) as url,
            httpx.Client(base_url=url, timeout=PATIENCE) as client,
        ):
            self.client = client
            yield app

    def draw(self, order: Order) -> Picture:
        return self.ask("txt2img", asdict(order))

    def interrupt(self) -> None:
        self.client.post("/sdapi/v1/interrupt").raise_for_status()

    def ask(self, call: str, body: dict[str, Any]) -> Picture:
        answer = self.client.post(f"/sdapi/v1/{call}", json=body)
        if answer.is_error:
            raise DeclinedError(answer.text)
        [picture] = answer.json()["images"]
        return Picture.of_file(base64.b64decode(picture))

    def test_img2img_passes_the_runner_once(self, rig: Rig, app: Application) -> None:
        start = base64.b64encode(png("RGB", (64, 48), bytes(64 * 48 * 3))).decode()
        picture = self.ask("img2img", {**asdict(Order()), "init_images": [start], "denoising_strength": 0.5})
        assert rig.journal.word in picture.infotext
        assert len(rig.ledger.seen) == 1
        assert rig.journal.prepared == rig.ledger.seen == rig.journal.finalized

    def test_each_pass_of_a_script_passes_the_runner(self, rig: Rig, app: Application) -> None:
        order = {**asdict(Order()), "prompt": "a lighthouse|at dusk"}
        body = {**order, "script_name": "prompt matrix", "script_args": []}
        answer = self.client.post("/sdapi/v1/txt2img", json=body)
        assert len(answer.json()["images"]) == 3
        assert len(set(rig.ledger.seen)) == len(rig.ledger.seen) == 2
        assert rig.journal.prepared == rig.ledger.seen == rig.journal.finalized
        [job] = app.jobs.jobs()
        assert job.result is not None
        assert list(job.result.receipt.notes) == rig.ledger.seen


@contextmanager
def listening(app: Application) -> Iterator[str]:
    """The HTTP door on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(create_app(app), log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="http-door")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
