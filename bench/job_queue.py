"""What a put and a take cost among 10², 10³, 10⁴ and 10⁵ queued jobs, and how many puts a second are lasting.

A time is the median of many single operations; the ratio beside it is the growth over the shortest queue.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from adapters.jobs.choose import open_job_store
from bench.table import Measurement, Row, render
from core.domain.job import FrozenInputs, Job, JobId
from core.domain.model import ModelIdentity
from core.domain.request import GenerationRequest
from core.ports.driven import JobStore, QueueLimits

LENGTHS = (100, 1_000, 10_000, 100_000)
ROUNDS = 200
CLIENTS = 50
CALLERS = (1, 4, 16, 64)
LIMITS = QueueLimits(total=1_000_000, party=1_000_000)
MODEL = ModelIdentity("model", "0" * 64)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def measure(folder: Path, lengths: Sequence[int] = LENGTHS, rounds: int = ROUNDS) -> list[Row]:
    rows: list[Row] = []
    for kind in ("memory", "sqlite"):
        store = open_job_store(kind, folder / "queue")
        try:
            rows += growth(kind, store, lengths, rounds)
        finally:
            store.close()
    return [*rows, *throughput(folder, rounds)]


def growth(kind: str, store: JobStore, lengths: Sequence[int], rounds: int) -> list[Row]:
    """The same store, ever fuller."""
    puts: list[Measurement] = []
    takes: list[Measurement] = []
    queued = 0
    for length in lengths:
        fill(store, queued, length)
        queued = length
        times = [put_and_take(store, f"{length}-{number}", number) for number in range(rounds)]
        for name, rows, column in (("put", puts, 0), ("take", takes, 1)):
            base = rows[0] if rows else None
            rows.append(Measurement(f"{kind}: {name}, {length} queued", [one[column] for one in times], base))
    return [*puts, *takes]


def throughput(folder: Path, rounds: int) -> list[Row]:
    """Seconds for each of many lasting puts, by one thread and by several that share commits."""
    rows: list[Measurement] = []
    for threads in CALLERS:
        each = [time_of_a_put(folder / f"puts-{threads}-{turn}", rounds, threads) for turn in range(3)]
        rows.append(Measurement(f"sqlite: a put among {threads} threads", each, rows[0] if rows else None))
    return list(rows)


def time_of_a_put(folder: Path, rounds: int, threads: int) -> float:
    store = open_job_store("sqlite", folder)
    try:
        started = time.perf_counter()
        fill(store, 0, rounds * threads, threads)
        return (time.perf_counter() - started) / (rounds * threads)
    finally:
        store.close()


def fill(store: JobStore, first: int, last: int, threads: int = 32) -> None:
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(
            lambda number: store.put(make_job(f"fill-{number}", number), LIMITS), range(first, last)
        ):
            pass


def put_and_take(store: JobStore, name: str, number: int) -> tuple[float, float]:
    job = make_job(name, number)
    return seconds(lambda: store.put(job, LIMITS)), seconds(
        lambda: store.take(lambda taken: taken.start(NOW), 0)
    )


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def make_job(name: str, number: int) -> Job:
    return Job(
        id=JobId(name),
        request=GenerationRequest(prompt=f"a red circle on a blue background, number {number}"),
        frozen=FrozenInputs(seed=number, subseed=number, model=MODEL),
        created_at=NOW,
        client=f"client-{number % CLIENTS}",
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(render(measure(Path(folder))))


if __name__ == "__main__":
    main()
