"""The end of a server: what runs is given time, what waits is kept, and nobody waits in vain."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.smoke.server import BOOT_SECONDS, Server, serving, wait_until_ready

SMALL = {"prompt": "a", "width": 64, "height": 64, "seed": 1}


@contextmanager
def booted(folder: Path, step_seconds: float, drain_seconds: float) -> Iterator[tuple[Server, httpx.Client]]:
    """A server with the fake backend, and jobs that last."""
    (folder / "serena.toml").write_text(
        f"[backend]\nstep_seconds = {step_seconds}\n"
        f'[jobs]\nstore = "sqlite"\ndrain_seconds = {drain_seconds}\n'
        '[log]\nformat = "json"\n'
    )
    with (
        serving(folder) as server,
        httpx.Client(base_url=server.url, timeout=BOOT_SECONDS, trust_env=False) as client,
    ):
        wait_until_ready(client)
        yield server, client


def eventually(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def submit(client: httpx.Client, steps: int) -> str:
    answer = client.post("/api/v1/jobs", json={"kind": "txt2img", "request": {**SMALL, "steps": steps}})
    assert answer.status_code == 202, answer.text
    found: str = answer.json()["id"]
    return found


def state(client: httpx.Client, job: str) -> str:
    found: str = client.get(f"/api/v1/jobs/{job}").json()["state"]
    return found


def test_what_runs_ends_and_what_waits_is_kept(tmp_path: Path) -> None:
    answers: list[httpx.Response] = []
    with booted(tmp_path, 0.05, 30) as (server, client):

        def draw() -> None:
            body = {**SMALL, "steps": 40}
            answers.append(
                httpx.post(f"{server.url}/sdapi/v1/txt2img", json=body, timeout=60, trust_env=False)
            )

        drawing = threading.Thread(target=draw)
        drawing.start()
        eventually(lambda: client.get("/sdapi/v1/progress").json()["progress"] > 0)
        waiting = submit(client, 2)
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: client.get("/health/ready").status_code == 503)
        assert client.get("/health/ready").json()["reason"] == "the server is stopping"
        assert client.get("/health/live").status_code == 200
        assert client.get("/sdapi/v1/progress").json()["progress"] > 0
        assert "serena_draining 1.0" in client.get("/metrics").text
        for path in ("/sdapi/v1/txt2img", "/v1/images/generations"):
            refused = client.post(path, json={"prompt": "b"})
            assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        drawing.join(BOOT_SECONDS)
        assert server.process.wait(BOOT_SECONDS) == 0
    assert [answer.status_code for answer in answers] == [200]
    with booted(tmp_path, 0, 30) as (_, client):
        eventually(lambda: state(client, waiting) == "succeeded")


def test_what_runs_too_long_is_put_back(tmp_path: Path) -> None:
    with booted(tmp_path, 0.05, 0.2) as (server, client):
        job = submit(client, 500)
        eventually(lambda: state(client, job) == "running")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(BOOT_SECONDS) == 0
        assert '"message": "put back after attempt 1", "job": "' + job in server.log.read_text()
    with booted(tmp_path, 0, 30) as (_, client):
        eventually(lambda: state(client, job) == "succeeded")


def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    with booted(tmp_path, 20, 60) as (server, client):
        job = submit(client, 5)
        eventually(lambda: state(client, job) == "running")
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: client.get("/health/ready").status_code == 503)
        server.process.send_signal(signal.SIGTERM)
        # A step takes 20 seconds; the first signal alone would wait for five of them.
        assert server.process.wait(15) == 0
        assert "put back" not in server.log.read_text(), "nothing is seen to: the next server finds the job"
    with booted(tmp_path, 0, 30) as (_, client):
        eventually(lambda: state(client, job) == "succeeded")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once(tmp_path: Path, number: int) -> None:
    with booted(tmp_path, 0, 60) as (server, _):
        server.process.send_signal(number)
        assert server.process.wait(15) == 0
