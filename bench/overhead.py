"""What a job costs over a bare backend call, and what the HTTP door costs over a bare web application.

The fake backend's zero-cost mode draws in no time, so what is left is Serena. ``python -m bench.overhead``
shows what one client finds, and what many find at once (``bench.load``); ``--quick`` takes ten seconds.
"""

from __future__ import annotations

import argparse
import http.client
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from adapters.application import Application
from adapters.backends.fake.backend import FakeBackend
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from bench import load
from bench.servers import BODY, bare_command, booted, free_port, serena_command
from bench.table import Measurement, render
from core.domain.image import RasterImage
from core.domain.model import ModelRef
from core.domain.request import GenerationRequest
from core.ports.driven import BackendInfo, RunWatch
from core.prepared import Batch, PreparedRun

WARM_UP, ROUNDS = 20, 200
REQUEST = GenerationRequest(prompt="a red circle", seed=1, width=64, height=64, steps=20)
QUICK = ["--clients", "1", "8", "--seconds", "1"]


class Keeping:
    """The fake backend at zero cost, which keeps the last run that the runner handed to it."""

    def __init__(self) -> None:
        self._fake = FakeBackend(zero_cost=True)
        self.last: tuple[PreparedRun, Batch, RunWatch] | None = None

    def describe(self) -> BackendInfo:
        return self._fake.describe()

    def load(self, model: ModelRef) -> None:
        self._fake.load(model)

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        self.last = (run, batch, watch)
        return self._fake.execute_run(run, batch, watch)

    def close(self) -> None:
        self._fake.close()

    def again(self) -> None:
        assert self.last is not None
        self._fake.execute_run(*self.last)


def measure(data_dir: Path) -> list[Measurement]:
    return [*_job_over_call(data_dir), *_http_over_bare(data_dir)]


def _job_over_call(data_dir: Path) -> list[Measurement]:
    backend = Keeping()
    app: Application = bootstrap(load_settings(data_dir=data_dir), backend=backend)
    app.start()
    try:
        job = timed(lambda: app.images.wait(app.images.submit(REQUEST)))
        call = Measurement("bare backend call (fake, zero cost)", timed(backend.again))
    finally:
        app.close()
    return [call, Measurement("job: submit, run, encode, wait", job, call)]


def _http_over_bare(data_dir: Path) -> list[Measurement]:
    bare_port, port = free_port(), free_port()
    with booted(bare_command(bare_port), bare_port), booted(serena_command("fake", data_dir, port), port):
        bare = Measurement("bare FastAPI, POST", timed(posting(bare_port)))
        ours = timed(posting(port))
    return [bare, Measurement("POST /sdapi/v1/txt2img (fake, zero cost)", ours, bare)]


def posting(port: int) -> Callable[[], None]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def post() -> None:
        connection.request("POST", "/sdapi/v1/txt2img", BODY, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {text[:300]!r}")

    return post


def timed(work: Callable[[], object]) -> list[float]:
    for _ in range(WARM_UP):
        work()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few clients, for a second each")
    load.add_arguments(parser)
    arguments = parser.parse_args(argv)
    if arguments.quick:
        arguments = parser.parse_args(QUICK)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        print(render(measure(Path(folder) / "one")))
        load.show(load.measure(Path(folder), arguments.clients, arguments.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
