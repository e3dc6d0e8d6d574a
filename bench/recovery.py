"""A server that ends in good order, and one that starts with a long queue: ``serena serve``, over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from bench.servers import ROOT, free_port
from core.domain.request import GenerationRequest

PATIENCE = 300.0
FINAL = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Drained:
    """``lost``: accepted jobs that neither server knows or that did not succeed in the end."""

    accepted: int
    finished: int
    put_back: int
    seconds: float
    exit_code: int
    lost: int


@dataclass(frozen=True)
class Recovered:
    """Seconds from the start of the process."""

    queued: int
    listening: float
    first_result: float
    missing: int


class Server:
    """``serena serve`` in a process of its own."""

    def __init__(self, data_dir: Path, **environ: str) -> None:
        self.port = free_port()
        self._environ = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SERENA_PLUGINS__ONLY": "[]",
            "SERENA_JOBS__KEEP": "1000000",
            **environ,
        }
        self._command = [
            sys.executable, "-m", "serena", "serve", "--backend", "fake",
            "--data-dir", str(data_dir), "--port", str(self.port),
        ]  # fmt: skip
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self._command, env=self._environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def wait_until_listening(self) -> float:
        while True:
            try:
                self.ask("GET", "/health/live")
            except OSError:
                time.sleep(0.01)
            else:
                return time.monotonic() - self.started

    def states(self, ids: list[str]) -> dict[str, str]:
        return {job_id: self.ask("GET", f"/api/v1/jobs/{job_id}").get("state", "unknown") for job_id in ids}


@contextmanager
def serving(data_dir: Path, **environ: str) -> Iterator[Server]:
    server = Server(data_dir, **environ)
    try:
        server.wait_until_listening()
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def drain(data_dir: Path, jobs: int) -> Drained:
    """SIGTERM with one job running that is longer than the limit, one that is shorter, and others queued."""
    data_dir.mkdir(parents=True)
    environ = {"SERENA_BACKEND__STEP_SECONDS": "0.05", "SERENA_BACKEND__MAX_RUNS": "2"}
    with serving(data_dir, **environ, SERENA_JOBS__DRAIN_SECONDS="3") as server:
        steps = [200, 20, *[2] * (jobs - 2)]
        ids = [server.ask("POST", "/api/v1/jobs", _body(seed, n))["id"] for seed, n in enumerate(steps)]
        while "running" not in server.states(ids[:1]).values():
            time.sleep(0.01)
        told = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(PATIENCE)
        seconds = time.monotonic() - told
    with serving(data_dir, **environ) as server:
        first = server.states(ids)
        states = first
        deadline = time.monotonic() + PATIENCE
        while any(state not in FINAL for state in states.values()) and time.monotonic() < deadline:
            time.sleep(0.2)
            states = server.states(ids)
    finished = sum(state == "succeeded" for state in first.values())
    return Drained(
        accepted=len(ids),
        finished=finished,
        put_back=len(ids) - finished,
        seconds=seconds,
        exit_code=code,
        lost=sum(state != "succeeded" for state in states.values()),
    )


def restart(data_dir: Path, queued: int) -> Recovered:
    """A server on a data folder in which so many jobs wait."""
    app = bootstrap(
        load_settings(
            data_dir=data_dir, backend={"name": "fake"}, plugins={"only": ()}, jobs={"store": "sqlite"}
        )
    )
    requests = (GenerationRequest(prompt="a", seed=n, width=64, height=64, steps=1) for n in range(queued))
    ids = [app.images.submit(request, detached=True) for request in requests]
    app.close()
    server = Server(data_dir, SERENA_BACKEND__ZERO_COST="true")
    try:
        listening = server.wait_until_listening()
        while server.states([ids[0]])[ids[0]] != "succeeded":
            time.sleep(0.01)
        first = time.monotonic() - server.started
        known = server.states(ids[:: max(1, queued // 200)])
    finally:
        server.process.kill()
        server.process.wait()
    return Recovered(queued, listening, first, sum(state == "unknown" for state in known.values()))


def _body(seed: int, steps: int) -> dict[str, Any]:
    asked = {"prompt": "a red circle", "seed": seed, "width": 64, "height": 64, "steps": steps}
    return {"kind": "txt2img", "request": asked}
