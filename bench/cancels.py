"""How long a cancel takes, and whether it ever hits another job."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.settings import load_settings
from core.domain.errors import SerenaError, UnknownJob
from core.domain.job import Job, JobId, JobState
from core.domain.request import GenerationRequest

PATIENCE = 120.0
STEP_SECONDS = 0.02
STEPS = 1000
CANCELLING = 4
VICTIMS = 200
"""Jobs of a round that are cancelled, and as many that are not."""
SPARED = 0.95


@dataclass(frozen=True)
class Latencies:
    """Of each cancel, in the order in which they were made."""

    seconds: list[float]
    steps: list[int]


class _Steps:
    """``JobEvents`` that count the steps of each job."""

    def __init__(self) -> None:
        self.done: Counter[JobId] = Counter()
        self.ended_at: dict[JobId, float] = {}

    def accepted(self, job: Job) -> None: ...

    def rejected(self, error: SerenaError) -> None: ...

    def started(self, job: Job) -> None: ...

    def stepped(self, job: Job, seconds: float) -> None:
        self.done[job.id] += 1

    def requeued(self, job: Job) -> None: ...

    def ended(self, job: Job) -> None:
        self.ended_at[job.id] = time.perf_counter()

    def restarted(self) -> None: ...


def request(steps: int) -> GenerationRequest:
    return GenerationRequest(prompt="a red circle", seed=1, width=64, height=64, steps=steps)


@contextmanager
def running(data_dir: Path, **sections: Any) -> Iterator[Application]:
    backend = {"name": "fake", **sections.pop("backend", {})}
    app = bootstrap(
        load_settings(data_dir=data_dir, backend=backend, plugins={"only": ()}, **sections), serving=True
    )
    app.start()
    try:
        yield app
    finally:
        app.close()


def latencies(data_dir: Path, kind: str, cancels: int, chance: random.Random) -> Latencies:
    """From the call until the job has ended and is stored, and steps that were still taken after the call."""
    steps, seconds, later = _Steps(), list[float](), list[int]()
    with running(data_dir, backend={"step_seconds": STEP_SECONDS}, worker={"kind": kind}) as app:
        app.listen(steps)
        app.images.wait(app.images.submit(request(1)), PATIENCE)
        for _ in range(cancels):
            job_id = app.images.submit(request(STEPS))
            while not steps.done[job_id]:
                time.sleep(0.001)
            time.sleep(chance.uniform(0.0, 4 * STEP_SECONDS))
            done, called = steps.done[job_id], time.perf_counter()
            app.jobs.interrupt(job_id)
            app.images.wait(job_id, PATIENCE)
            seconds.append(steps.ended_at[job_id] - called)
            later.append(steps.done[job_id] - done)
    return Latencies(seconds, later)


@dataclass
class Race:
    """What came of cancels that raced with the ends of the jobs they were meant for.

    :ivar stopped: how many of the jobs that were meant did not finish.
    :ivar wrong: jobs that nobody cancelled and that ended so.
    """

    cancels: int = 0
    meant: int = 0
    stopped: int = 0
    wrong: int = 0
    seconds: float = 0.0


def race(data_dir: Path, cancels: int) -> Race:
    """Rounds of short jobs, every second of them cancelled over and over by several threads, before, during
    and after its run."""
    found, began = Race(), time.monotonic()
    with running(
        data_dir, backend={"zero_cost": True, "max_runs": 4}, jobs={"store": "memory", "keep": 100_000}
    ) as app:
        while found.cancels < cancels:
            _round(app, found)
    found.seconds = time.monotonic() - began
    return found


def _round(app: Application, found: Race) -> None:
    ended: dict[JobId, JobState] = {}
    ids: list[JobId] = []
    over = threading.Event()

    def hear(job: Job) -> None:
        ended[job.id] = job.state
        if len(ended) == 2 * VICTIMS:
            over.set()

    def submit() -> None:
        for _ in range(2 * VICTIMS):
            job_id = app.images.submit(request(4))
            ids.append(job_id)
            app.images.when_done(job_id, hear)

    def cancel(seed: int) -> int:
        chance, made = random.Random(seed), 0
        while not over.is_set():
            newest = len(ids)
            if newest < 2:
                continue
            # Around the jobs that run now, where the race is; of those that have ended only a few.
            near = max(0, min(newest - 1, len(ended) + chance.randint(-6, 6)))
            meant = ids[near - near % 2]
            if meant in ended and chance.random() < SPARED:
                continue
            with suppress(UnknownJob):
                app.jobs.interrupt(meant)
            made += 1
        return made

    with ThreadPoolExecutor(CANCELLING + 1) as pool:
        cancelling = [pool.submit(cancel, found.cancels + number) for number in range(CANCELLING)]
        pool.submit(submit).result(PATIENCE)
        over.wait(PATIENCE)
        over.set()
        found.cancels += sum(future.result() for future in cancelling)
    found.meant += VICTIMS
    found.stopped += sum(ended[job_id] is JobState.CANCELLED for job_id in ids[::2])
    found.wrong += sum(ended[job_id] is not JobState.SUCCEEDED for job_id in ids[1::2])
