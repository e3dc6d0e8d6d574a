"""``kill -9`` at random moments under load, and the books that are kept of it."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from bench.zygote import SETTINGS, request
from core.domain.job import JobId, JobState

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0
AHEAD = 40
"""How many accepted jobs may be unfinished before the load pauses."""
AFTER_READY = 0.3
AT_WORK = 0.8
"""Share of the children that have ended a job before they are killed; the others may still be starting."""
FINAL = ("succeeded", "failed", "cancelled")


@dataclass
class Books:
    """What was promised, and what came of it. Each job has a seed of its own, and writes one file."""

    what: str
    kills: int = 0
    seconds: float = 0.0
    accepted: dict[int, str] = field(default_factory=dict)
    second_ids: int = 0
    states: dict[str, str] = field(default_factory=dict)
    files: Counter[int] = field(default_factory=Counter)

    def accept(self, seed: int, job_id: str) -> None:
        """A seed that was sent again after a crash must lead to the same job."""
        if self.accepted.setdefault(seed, job_id) != job_id:
            self.second_ids += 1

    @property
    def lost(self) -> int:
        unknown = sum(job_id not in self.states for job_id in self.accepted.values())
        done = [seed for seed, job_id in self.accepted.items() if self.states.get(job_id) == "succeeded"]
        return unknown + sum(self.files[seed] == 0 for seed in done)

    @property
    def duplicated(self) -> int:
        return self.second_ids + sum(count - 1 for count in self.files.values() if count > 1)

    @property
    def stuck(self) -> int:
        return sum(state not in FINAL for state in self.states.values())

    @property
    def failed(self) -> int:
        return sum(state == "failed" for state in self.states.values())

    def count_files(self, data_dir: Path) -> None:
        """Seeds of the files: they end their names."""
        names = (path.stem for path in (data_dir / "outputs").rglob("*.png"))
        self.files = Counter(int(name.rpartition("-")[2]) for name in names)


class Zygote:
    """Forks servers on one data folder, each of which calls back."""

    def __init__(self, data_dir: Path) -> None:
        self.address = str(data_dir / "bench.socket")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.address)
        self._listener.listen()
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.zygote", str(data_dir), self.address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ,
        )  # fmt: skip
        self._in, self._out = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        assert self._out.readline() == b"ready\n"

    def fork(self) -> int:
        self._in.write(b"fork\n")
        self._in.flush()
        return int(self._out.readline())

    def call(self, timeout: float) -> socket.socket | None:
        """The line of the server that was forked last; None when none called in time."""
        self._listener.settimeout(timeout)
        try:
            return self._listener.accept()[0]
        except TimeoutError:
            return None

    def close(self) -> None:
        self._in.close()
        self._process.wait(PATIENCE)
        self._out.close()
        self._listener.close()


def servers(data_dir: Path, kills: int, seconds: float, chance: random.Random) -> Books:
    """Kill servers, in and after their start, while jobs are submitted to them."""
    data_dir.mkdir(parents=True)
    books, seeds = Books("server"), _Seeds()
    zygote = Zygote(data_dir)
    began = time.monotonic()
    while books.kills < kills and time.monotonic() - began < seconds:
        pid, born = zygote.fork(), time.monotonic()
        # Some die before they have called, at work on what the one before has left.
        end = born + chance.uniform(0.0, seeds.boot + AFTER_READY)
        line = zygote.call(max(0.001, end - time.monotonic()))
        if line is not None:
            seeds.boot = 0.9 * seeds.boot + 0.1 * (time.monotonic() - born)
            with line:
                timer = threading.Timer(max(0.0, end - time.monotonic()), kill, (pid,))
                timer.start()
                _load(line, books, seeds)
                timer.join()
        else:
            kill(pid)
        books.kills += 1
    books.seconds = time.monotonic() - began
    zygote.fork()
    while (line := zygote.call(PATIENCE)) is not None:
        with line, suppress(OSError, ValueError):
            books.states = _settled(line)
            break  # others that call were killed after they had begun to
    zygote.close()
    books.count_files(data_dir)
    return books


@dataclass
class _Seeds:
    """What is sent next: first what was sent and not answered."""

    boot: float = 0.5
    last: int = 0
    unanswered: int | None = None

    def next(self) -> int:
        if self.unanswered is None:
            self.last += 1
            self.unanswered = self.last
        return self.unanswered


def _load(line: socket.socket, books: Books, seeds: _Seeds) -> None:
    """Submit until the server is gone."""
    line.settimeout(PATIENCE)
    with suppress(OSError, ValueError), line.makefile("rwb") as stream:
        while True:
            _wait_for_room(stream)
            answer = _ask(stream, {"submit": seeds.next()})
            books.accept(answer["seed"], answer["id"])
            seeds.unanswered = None


def _wait_for_room(stream: Any) -> None:
    while _ask(stream, {"open": True})["open"] >= AHEAD:
        time.sleep(0.02)


def _settled(line: socket.socket) -> dict[str, str]:
    """The states once nothing moves any more, or after a while that is long enough."""
    line.settimeout(PATIENCE)
    with line.makefile("rwb") as stream:
        deadline = time.monotonic() + PATIENCE
        while True:
            told = _ask(stream, {"ask": True})
            states: dict[str, str] = told["states"]
            settled = all(state in FINAL for state in states.values()) and not told["files"]
            if settled or time.monotonic() > deadline:
                return states
            time.sleep(0.1)


def _ask(stream: Any, order: dict[str, Any]) -> dict[str, Any]:
    stream.write(json.dumps(order).encode() + b"\n")
    stream.flush()
    answer: dict[str, Any] = json.loads(stream.readline())
    return answer


def workers(data_dir: Path, kills: int, seconds: float, chance: random.Random) -> tuple[Books, list[float]]:
    """Kill the child of a server with ``worker.kind = process``, in and after its start. The second thing is
    how long the server took to say how far it was, all the while."""
    books, answers = Books("worker"), list[float]()
    settings = load_settings(data_dir=data_dir, worker={"kind": "process"}, **SETTINGS)
    app = bootstrap(settings, serving=True)
    app.start()
    began = time.monotonic()
    with _asking(app, answers):
        seed = 0
        while books.kills < kills and time.monotonic() - began < seconds:
            while app.jobs.queue().counts.get(JobState.QUEUED, 0) < AHEAD:
                seed += 1
                books.accept(seed, app.images.submit(request(seed), key=f"seed-{seed}", detached=True))
            if chance.random() < AT_WORK:
                _wait_for_work(app)
            time.sleep(chance.uniform(0.0, 2 * AFTER_READY))
            for pid in children():
                kill(pid)
                books.kills += 1
        books.seconds = time.monotonic() - began
        for job_id in books.accepted.values():
            with suppress(Exception):
                app.images.wait(JobId(job_id), PATIENCE)
    books.states = {job.id: job.state.value for job in app.jobs.jobs()}
    app.close()
    books.count_files(data_dir)
    return books, answers


def _wait_for_work(app: Application) -> None:
    done = app.jobs.queue().counts.get(JobState.SUCCEEDED, 0)
    deadline = time.monotonic() + PATIENCE
    while app.jobs.queue().counts.get(JobState.SUCCEEDED, 0) == done and time.monotonic() < deadline:
        time.sleep(0.01)


@contextmanager
def _asking(app: Application, answers: list[float]) -> Iterator[None]:
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.01):
            started = time.perf_counter()
            app.jobs.progress()
            answers.append(time.perf_counter() - started)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def children() -> list[int]:
    """The processes that this one has started."""
    tasks = Path("/proc/self/task").iterdir()
    found = [pid for task in tasks for pid in (task / "children").read_text().split()]
    return [int(pid) for pid in found]


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
