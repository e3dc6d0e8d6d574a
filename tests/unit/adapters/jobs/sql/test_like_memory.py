"""Whatever is done to both, a store in a database answers as the one in memory does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.jobs.memory import MemoryJobStore
from contracts.job_samples import NOW, at, make_job, make_result
from core.domain.errors import SerenaError
from core.domain.job import Job, JobFilter, JobId, JobState
from core.ports.driven import JobStore, QueueLimits, Retention
from tests.unit.adapters.jobs.sql.samples import opened

Step = Callable[[JobStore], Any]

NAMES = st.sampled_from([JobId(name) for name in "abcdefgh"])
PARTIES = st.sampled_from(["x", "y", None])
SECONDS = st.integers(0, 9)


def answer(step: Step, store: JobStore) -> Any:
    """What it gives, or which error it raises."""
    try:
        return step(store)
    except SerenaError as error:
        return type(error), str(error)


def ids(jobs: Any) -> list[str]:
    return [job.id for job in jobs]


@st.composite
def puts(draw: st.DrawFn) -> Step:
    job = make_job(
        draw(NAMES),
        draw(st.integers(-1, 1)),
        owner=draw(PARTIES),
        client=draw(PARTIES),
        key=draw(st.sampled_from([None, "one", "two"])),
        digest=draw(st.sampled_from("pq")),
    )
    job = replace(job, input_size=draw(SECONDS))
    limits = QueueLimits(*(draw(st.sampled_from([None, most])) for most in (5, 2, 12)))
    replaces = draw(st.booleans())
    return lambda store: store.put(job, limits, store.get(job.id) if replaces else None)


@st.composite
def changes(draw: st.DrawFn) -> Step:
    name, seconds, size, priority = draw(NAMES), draw(SECONDS), draw(SECONDS), draw(st.integers(-1, 1))
    ways: list[Callable[[Job], Job]] = [
        lambda job: job.cancel(at(seconds)),
        lambda job: job.requeue(),
        lambda job: job.start(at(seconds)),
        lambda job: job.succeed(make_result(name, size), at(seconds)),
        lambda job: replace(job, priority=priority),
        lambda job: replace(job, due_at=at(seconds)),
        lambda job: replace(job, due_at=None),
    ]
    change = draw(st.sampled_from(ways))
    return lambda store: store.update(name, change)


def moves() -> st.SearchStrategy[Step]:
    return st.one_of(
        puts(),
        puts(),
        changes(),
        changes(),
        st.just(lambda store: store.take(lambda job: job.start(NOW), 0)),
        NAMES.map(lambda name: lambda store: (job := store.get(name)) and store.remove(job)),
    )


@st.composite
def looks(draw: st.DrawFn) -> Step:
    """Every question at once: their answers must agree after any history."""
    which = JobFilter(
        owner=draw(PARTIES),
        client=draw(PARTIES),
        states=draw(st.none() | st.frozensets(st.sampled_from(JobState))),
        after=draw(st.none() | NAMES),
        limit=draw(st.none() | st.integers(0, 4)),
    )
    keep = Retention(
        since=draw(st.none() | SECONDS.map(at)),
        count=draw(st.none() | st.integers(0, 3)),
        size=draw(st.none() | st.integers(0, 20)),
    )
    now = at(draw(SECONDS))
    return lambda store: (
        list(store.all()),
        ids(store.select(which)),
        ids(store.due(now)),
        ids(store.surplus(keep)),
        [store.position(JobId(name)) for name in "abcdefgh"],
        [store.expired(JobId(name)) for name in "abcdefgh"],
        [store.count_queued(party) for party in (None, "owner:x", "client:x", "client:")],
        dict(store.counts()),
        store.in_use(["a-picture", "b-picture", "nobody's"]),  # type: ignore[list-item]
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(moves(), min_size=10, max_size=40), look=looks())
def test_both_answer_alike(steps: list[Step], look: Step) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder) / "jobs.sqlite") as kept:
        memory = MemoryJobStore()
        for step in steps:
            assert answer(step, kept) == answer(step, memory)
        assert answer(look, kept) == answer(look, memory)
