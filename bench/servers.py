"""Servers in processes of their own, and how long they take to answer."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
BODY = json.dumps({"prompt": "a red circle", "seed": 1, "width": 64, "height": 64, "steps": 20})
"""What they are asked for."""


@dataclass(frozen=True, slots=True)
class Booted:
    """A server that answers. Seconds from its start until it listened, and to its first answer."""

    port: int
    listening: float
    answering: float


def serena_command(backend: str, data_dir: Path, port: int) -> list[str]:
    flags = ["--backend", backend, "--data-dir", str(data_dir), "--port", str(port)]
    return [sys.executable, "-m", "serena", "serve", *flags]


def bare_command(port: int) -> list[str]:
    return [sys.executable, "-m", "bench.bare_app", str(port)]


@contextmanager
def booted(command: list[str], port: int) -> Iterator[Booted]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "SERENA_BACKEND__ZERO_COST": "true"}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield Booted(port, *_first_answer(process, port, started))
    finally:
        process.terminate()
        process.wait(PATIENCE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _first_answer(process: subprocess.Popen[bytes], port: int, started: float) -> tuple[float, float]:
    while time.perf_counter() - started < PATIENCE:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}: {process.args!r}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.connect()
            listening = time.perf_counter() - started
            connection.request("GET", "/health/live")
            connection.getresponse().read()
            return listening, time.perf_counter() - started
        except OSError:
            time.sleep(0.002)
        finally:
            connection.close()
    raise TimeoutError(f"no answer within {PATIENCE} s: {process.args!r}")
