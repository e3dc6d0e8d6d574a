"""Servers by fork, so that a thousand of them can be killed within minutes.

This process imports what Serena needs, and for each ``fork`` on its standard input makes a copy of itself
that assembles a Serena, opens store and blobs anew, and calls the bench over a socket. Killed, such a server
leaves what any killed server leaves; only the seconds that Python takes to import are saved.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from core.domain.errors import SerenaError
from core.domain.job import JobId
from core.domain.request import GenerationRequest

SETTINGS: dict[str, Any] = {
    "backend": {"name": "fake", "max_runs": 2, "step_seconds": 0.002},
    "plugins": {"only": ()},
    "jobs": {"store": "sqlite", "keep": 10_000_000, "max_attempts": 1_000_000},
}


def main(data_dir: Path, address: str) -> None:
    preload(data_dir)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that are killed
    print("ready", flush=True)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(data_dir, address)
            os._exit(0)
        print(pid, flush=True)


def preload(data_dir: Path) -> None:
    """Import what a server imports on its way to the first picture. A scout finds out what that is."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        app = started(data_dir / "scout")
        app.images.wait(app.images.submit(request(0)), 60)
        os.write(writing, json.dumps(sorted(sys.modules)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        for name in json.loads(pipe.read()):
            with suppress(ImportError):  # some are made by others and not found by name
                importlib.import_module(name)
    os.wait()


def started(data_dir: Path) -> Application:
    app = bootstrap(load_settings(data_dir=data_dir, **SETTINGS), serving=True)
    app.start()
    return app


def request(seed: int) -> GenerationRequest:
    return GenerationRequest(prompt="a red circle", seed=seed, width=64, height=64, steps=4, save_images=True)


def serve(data_dir: Path, address: str) -> None:
    """Answer lines: ``{"submit": seed}`` with the job's id once it is accepted, ``{"open": true}``
    with the number of those that have not ended, ``{"ask": true}`` with the
    states of all jobs and the number of files that are still to be written."""
    app = started(data_dir)
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        with line.makefile("rwb") as stream:
            for order in stream:
                stream.write(json.dumps(answered(app, json.loads(order))).encode() + b"\n")
                stream.flush()


def answered(app: Application, order: dict[str, Any]) -> dict[str, Any]:
    if "open" in order:
        counts = app.jobs.queue().counts
        return {"open": sum(count for state, count in counts.items() if not state.is_final)}
    if "ask" in order:
        jobs = app.jobs.jobs()
        return {
            "states": {job.id: job.state.value for job in jobs},
            "files": sum(len(job.files) for job in jobs),
        }
    seed = order["submit"]
    try:
        job_id: JobId = app.images.submit(request(seed), key=f"seed-{seed}", detached=True)
    except SerenaError as error:
        return {"error": str(error)}
    return {"id": job_id, "seed": seed}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
