"""A child that is a thread: the same messages over a socket, and nothing to start."""

from __future__ import annotations

import itertools
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.worker.process.channel import Channel
from adapters.worker.process.child import ChildWorker, Parts
from adapters.worker.process.relay import RunRelay
from core.cancel import CancelToken
from core.domain.job import FrozenInputs, Job, JobId
from core.domain.model import ModelIdentity, ModelRef
from core.domain.request import GenerationRequest
from core.domain.resources import ScriptArg
from core.domain.result import GenerationResult, Outcome, RunReceipt
from core.domain.scripts import Script
from core.ports.driven import BackendInfo
from plugins.report import PluginReport

PATIENCE = 20.0
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = ModelRef(ModelIdentity("tiny", "ab" * 32), "/models/tiny")
REPORT = PluginReport(
    name="stamp",
    distribution="stamps",
    version="1",
    builtin=False,
    hooks=("serena_image",),
    scripts=Script(
        name="Stamps", fields=(ScriptArg(name="ink", value="red", choices=("red", "blue")),)
    ).infos(),
)

Process = Callable[[Job, RunRelay], GenerationResult]


def job(prompt: str = "a cat", **more: Any) -> Job:
    return Job(
        id=JobId("job-1"),
        request=GenerationRequest(prompt=prompt),
        frozen=FrozenInputs(seed=1, subseed=2, model=MODEL.identity),
        created_at=NOW,
        **more,
    ).start(NOW)


def result(job: Job, info: object = "drawn", outcome: Outcome = Outcome.SUCCEEDED) -> GenerationResult:
    receipt = RunReceipt(
        run_id="run-1", job_id=job.id, backend="told", started_at=NOW, finished_at=NOW,
        prepare=0.1, execute=0.2, finalize=0.3, outcome=outcome,
    )  # fmt: skip
    return GenerationResult(images=(), info={"prompt": job.request.prompt, "info": info}, receipt=receipt)


class ToldBackend:
    """Notes what it was told to do."""

    def __init__(self, max_runs: int = 2, error: Exception | None = None) -> None:
        self.max_runs = max_runs
        self.error = error
        self.loaded: list[ModelRef] = []
        self.closed = 0

    def describe(self) -> BackendInfo:
        if self.error is not None and self.loaded:
            raise self.error
        return BackendInfo(
            name="told", device="cpu", max_runs=self.max_runs, infotext={}, memory={"loads": len(self.loaded)}
        )

    def load(self, model: ModelRef) -> None:
        self.loaded.append(model)
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1


@dataclass
class Noted:
    """What a child was told beside runs."""

    models: list[ModelRef] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)

    def learn(self, job: Job, models: Sequence[ModelRef]) -> None:
        self.models += models

    def saved(self, run_id: str, path: str) -> None:
        self.files.append((run_id, path))


def parts(process: Process, backend: ToldBackend | None = None, noted: Noted | None = None) -> Parts:
    noted = noted or Noted()
    return Parts(
        process=process,
        backend=backend or ToldBackend(),
        learn=noted.learn,
        saved=noted.saved,
        reports=[REPORT],
    )


def channels() -> tuple[Channel, Channel, Callable[[], None]]:
    """The parent's end, the child's, and what breaks both."""
    ours, theirs = socket.socketpair()
    streams = [Channel(end.makefile("rb"), end.makefile("wb")) for end in (ours, theirs)]
    for end in (ours, theirs):
        end.close()  # once its two streams are closed, that is

    def cut() -> None:
        for end in (ours, theirs):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    return streams[0], streams[1], cut


class ThreadChild:
    """A ``Child`` that ends with ``code`` when it was told to, and with that of a kill when it was killed."""

    def __init__(self, serve: Callable[[Channel], object], code: int = 0) -> None:
        self.channel, theirs, self._cut = channels()
        self.pid = 4711
        self._code = code
        self._ended = threading.Event()

        def run() -> None:
            try:
                serve(theirs)
            except (OSError, StopIteration):
                self.end(1)  # the parent is gone
            finally:
                self.end(code)
                theirs.close()

        threading.Thread(target=run, name="thread-child", daemon=True).start()

    def end(self, code: int) -> None:
        if not self._ended.is_set():
            self._code = code
            self._ended.set()
            self._cut()

    def kill(self) -> None:
        self.end(-9)

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("child", timeout or 0.0)
        return self._code


class Nursery:
    """Starts children of one kind.

    :ivar started: all there were.
    :ivar failing: how many of the next ones end before they are ready.
    """

    def __init__(self, made: Parts, failing: int = 0) -> None:
        self.made = made
        self.failing = failing
        self.started: list[ThreadChild] = []
        self._numbers = itertools.count()

    def __call__(self) -> tuple[ThreadChild, Channel]:
        fails = next(self._numbers) < self.failing
        child = ThreadChild(self._refuse if fails else self._serve, code=3 if fails else 0)
        self.started.append(child)
        return child, child.channel

    def _serve(self, channel: Channel) -> None:
        hello = next(iter(channel))
        assert hello["is"] == "hello"
        ChildWorker(channel, self.made).serve()

    def _refuse(self, channel: Channel) -> None:
        next(iter(channel))


class Watched:
    """A ``WatchedRun`` that notes what it is told."""

    def __init__(self) -> None:
        self.token = CancelToken()
        self.heard: list[tuple[Any, ...]] = []
        self.previews: list[Callable[[], Any]] = []
        self.stepped = threading.Event()

    def stage(self, name: str) -> None:
        self.heard.append(("stage", name))

    def plan(self, iterations: int, passes: int) -> None:
        self.heard.append(("plan", iterations, passes))

    def begin_iteration(self, index: int, label: str) -> None:
        self.token.next_iteration()
        self.heard.append(("iteration", index, label))

    def begin_pass(self, steps: int) -> None:
        self.heard.append(("pass", steps))

    def step(self, done: int, preview: Callable[[], Any] | None = None) -> None:
        self.heard.append(("step", done))
        if preview is not None:
            self.previews.append(preview)
        self.stepped.set()
