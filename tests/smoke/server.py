"""A server in a process of its own, as a user starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

BOOT_SECONDS = 30
LISTENING = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass(frozen=True)
class Server:
    """A server that listens. ``log`` is what it has printed so far."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(BOOT_SECONDS)


@contextmanager
def serving(data_dir: Path, *flags: str, backend: str = "fake") -> Iterator[Server]:
    log = data_dir / "server.log"
    command = [sys.executable, "-m", "serena", "serve", "--port", "0", "--backend", backend]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--data-dir", str(data_dir), *flags],
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=data_dir,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield Server(process, _url(process, log), log)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(BOOT_SECONDS)


def wait_until_ready(client: httpx.Client) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    while client.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline, client.get("/health/ready").text
        time.sleep(0.05)


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = LISTENING.search(log.read_text("utf-8"))
        if found:
            return found[0]
        time.sleep(0.02)
    raise AssertionError(f"no server: {log.read_text('utf-8')}")
