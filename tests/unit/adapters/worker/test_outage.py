"""A child that cannot be started: no job pays for it, nobody waits in vain, and all goes on once one can."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

from adapters.images.codec_pillow import PillowImageCodec
from adapters.jobs.memory import MemoryJobStore
from adapters.worker.process.channel import Channel
from adapters.worker.process.processing import RemoteProcessing
from adapters.worker.process.relay import RunRelay
from adapters.worker.process.supervisor import FAILED_STARTS, Supervisor
from core.domain.errors import NoWorker
from core.domain.job import Job, JobId, JobState
from core.domain.request import GenerationRequest
from core.domain.result import GenerationResult
from core.jobs.loop import ProcessImages
from core.jobs.outage import Outage, Outages
from core.jobs.rules import JobRules
from plugins.hooks import PluggyRunHooks
from plugins.manager import load_plugins
from tests.unit.adapters.worker.children import PATIENCE, Nursery, ThreadChild, parts, result
from tests.unit.core.crew import Crew
from tests.unit.core.jobs.fleet import Fleet

REASON = "the worker cannot be started: the worker ended with exit code 3"


def drawn(job: Job, relay: RunRelay) -> GenerationResult:
    return result(job)


class Repaired(Nursery):
    """The first three children end at once; the next one starts when somebody has seen to it."""

    def __init__(self) -> None:
        super().__init__(parts(drawn), failing=FAILED_STARTS)
        self.mended = threading.Event()

    def __call__(self) -> tuple[ThreadChild, Channel]:
        if len(self.started) >= FAILED_STARTS:
            assert self.mended.wait(PATIENCE)
        return super().__call__()


def crew_of(
    process: ProcessImages, outage: Outage, store: MemoryJobStore | None = None, **rules: Any
) -> Crew:
    fleet, ids = Fleet(store or MemoryJobStore()), itertools.count(1)
    return Crew(
        store=fleet.store,
        blobs=fleet.blobs,
        codec=PillowImageCodec(),
        files=fleet.disk,
        hooks=PluggyRunHooks(load_plugins(found=())),
        acceptance=fleet.acceptance,
        clock=fleet.clock,
        rules=JobRules(**rules),
        process=process,
        new_id=lambda: f"job-{next(ids)}",
        outages=Outages(outage),
    )


def submit(crew: Crew) -> JobId:
    return crew.service.submit(GenerationRequest(width=8, height=8))


def test_the_queue_waits_until_a_child_starts() -> None:
    nursery, outage, ready, told = Repaired(), Outage(), threading.Event(), list[str]()
    supervisor = Supervisor({}, nursery, first_pause=0.01, outage=outage)
    supervisor.when_ready(ready.set)
    crew = crew_of(RemoteProcessing(supervisor, lambda sha256: None, PATIENCE), outage)
    jobs = [submit(crew), submit(crew)]
    crew.service.when_unable(lambda error: told.append(str(error)))
    supervisor.start()
    try:
        assert crew.loop.run_next(0) == jobs[0]
        taken = crew.service.get(jobs[0])
        assert (taken.state, taken.attempts, taken.blame) == (JobState.QUEUED, 1, 0)
        assert (told, crew.service.queue().outage) == ([REASON], REASON)
        assert crew.loop.run_next(0) is None
        assert crew.service.get(jobs[1]).attempts == 0, "no other one is taken"
        nursery.mended.set()
        assert ready.wait(PATIENCE)
        assert crew.service.queue().outage is None
        assert [crew.loop.run_next(0), crew.loop.run_next(0)] == jobs
    finally:
        nursery.mended.set()
        supervisor.stop()
    assert [crew.service.get(job).state for job in jobs] == [JobState.SUCCEEDED, JobState.SUCCEEDED]


def test_no_job_is_taken_that_comes_while_it_begins() -> None:
    class Late(MemoryJobStore):
        """A job comes when the outage does, to who has waited for one."""

        def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
            outage.begin(REASON)
            return super().take(start, timeout)

    outage = Outage()
    crew = crew_of(undrawn, outage, store=Late())
    job = submit(crew)
    assert crew.loop.run_next(0) is None
    assert crew.service.get(job).attempts == 0


def undrawn(job: Job, live: Any) -> GenerationResult:
    raise NoWorker(REASON)


def test_jobs_without_patience_fail_with_the_reason() -> None:
    outage = Outage()
    outage.begin(REASON)
    crew = crew_of(undrawn, outage, patient=False)
    job = submit(crew)
    assert crew.loop.run_next(0) == job
    error = crew.service.get(job).error
    assert error is not None
    assert (error.kind, error.message) == ("NoWorker", REASON)


def test_one_that_was_told_to_stop_is_cancelled() -> None:
    def stopped_elsewhere(job: Job, live: Any) -> GenerationResult:
        crew.endings.update(job.id, lambda found: found.request_stop())
        return undrawn(job, live)

    crew = crew_of(stopped_elsewhere, Outage())
    job = submit(crew)
    crew.loop.run_next(0)
    assert crew.service.get(job).state is JobState.CANCELLED


def test_an_outage_is_told_once_to_each_who_listens() -> None:
    outage, told = Outage(), list[str]()
    outage.end()
    forget = outage.listen(lambda reason: told.append(f"never: {reason}"))
    outage.listen(lambda error: told.append(str(error)))
    forget()
    for reason in ("a", "b"):
        outage.begin(reason)
    assert (told, outage.reason) == (["a"], "b")
    outage.listen(lambda error: told.append(str(error)))()
    outage.end()
    assert (told, outage.reason) == (["a", "b"], None)
