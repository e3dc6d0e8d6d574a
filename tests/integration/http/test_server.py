"""The door over real sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from adapters.http.server import serve
from core.domain.errors import SettingsError
from tests.integration.http.conftest import Background
from tests.unit.adapters.http.fakes import FakeApplication

CHILD = """
import os, sys, threading
from adapters.http.server import serve
from tests.unit.adapters.http.fakes import FakeApplication
fake = FakeApplication()
fake.automatic = sys.argv[1] == "automatic"
if sys.argv[1] == "stuck":  # as a thread that waits for a disk
    fake.when_done = lambda *_: threading.Event().wait()

def leave():
    print("leaves after", fake.calls, flush=True)
    os._exit(0)

serve(fake.application(http={"port": 0}), on_listening=lambda url: print(url, flush=True), leave=leave)
print(fake.calls, fake.interrupted)
"""


def child(mode: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-c", CHILD, mode], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def eventually(condition: object) -> None:
    deadline = time.monotonic() + 10
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_round_trip(url: str) -> None:
    answer = httpx.post(f"{url}/sdapi/v1/txt2img", json={"prompt": "a cat"})
    assert answer.status_code == 200
    assert json.loads(answer.json()["info"])["seed"] == 7
    assert "server" not in answer.headers


def test_the_application_is_started_and_closed(fake: FakeApplication) -> None:
    with Background(fake):
        assert fake.calls == ["start"]
    assert fake.calls == ["start", "close"]


def test_a_port_in_use_is_one_sentence(url: str, fake: FakeApplication) -> None:
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(SettingsError, match=f"port {port} on 127.0.0.1 is in use"):
        serve(FakeApplication().application(http={"port": port}), on_listening=print)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.7"])
def test_an_address_of_another_machine_is_one_sentence(host: str, fake: FakeApplication) -> None:
    with pytest.raises(SettingsError, match=f"cannot listen on {host}"):
        serve(fake.application(http={"host": host, "port": 0, "allow_open": True}), on_listening=print)
    assert fake.calls == []


@pytest.mark.ipv6
def test_ipv6(fake: FakeApplication) -> None:
    with Background(fake, host="::1") as server:
        assert server.url.startswith("http://[::1]:")
        assert httpx.get(f"{server.url}/health/live").status_code == 200


def test_a_client_that_goes_away_stops_its_job(url: str, fake: FakeApplication) -> None:
    fake.automatic = False
    host, port = url.removeprefix("http://").split(":")
    head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + b"Content-Length: 2\r\n\r\n{}")
        eventually(fake.jobs)
    eventually(lambda: fake.interrupted == [fake.jobs()[0].id])
    assert httpx.get(f"{url}/health/live").status_code == 200


def test_a_waiting_request_holds_no_thread(url: str, fake: FakeApplication) -> None:
    """More clients wait than there are threads, and the server still answers."""
    fake.automatic = False
    host, port = url.removeprefix("http://").split(":")
    body = b"{}"
    head = f"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    waiting = [socket.create_connection((host, int(port))) for _ in range(100)]
    for connection in waiting:
        connection.sendall(head.encode() + b"Content-Length: 2\r\n\r\n" + body)
    eventually(lambda: len(fake.jobs()) == 100)
    assert httpx.get(f"{url}/sdapi/v1/progress", timeout=5).status_code == 200
    for job in fake.jobs():
        fake.finish(job.id)
    for connection in waiting:
        assert connection.recv(12) == b"HTTP/1.1 200"
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: int) -> None:
    process, url = child("automatic")
    assert httpx.get(f"{url}/health/live").status_code == 200
    process.send_signal(number)
    out, _ = process.communicate(timeout=15)
    assert (process.returncode, out.strip()) == (0, "['start', 'close'] []")


def test_a_second_signal_waits_for_no_job_and_no_thread() -> None:
    process, url = child("stuck")
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as connection:
        connection.sendall(
            b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
        )
        time.sleep(0.5)
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        out, _ = process.communicate(timeout=15)  # the first signal alone would wait for 30 seconds
    assert process.returncode == 0
    assert out == "leaves after ['start']\n", "nothing is closed before"


def test_importing_the_door_is_light() -> None:
    """No torch, numpy or Pillow before the server listens, and no other adapter."""
    code = (
        "import sys, adapters.http.server\n"
        "heavy = {'torch', 'numpy', 'PIL', 'adapters.bootstrap', 'adapters.container', 'adapters.cli'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert found.stdout.strip() == "[]"
