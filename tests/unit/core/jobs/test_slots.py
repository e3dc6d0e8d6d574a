"""How many jobs are drawn at once."""

from __future__ import annotations

from collections.abc import Callable

from adapters.jobs.memory import MemoryJobStore
from contracts.job_samples import make_job
from core.domain.errors import BackendError
from core.domain.job import ANYBODY, Job, JobId, JobState
from core.domain.request import GenerationRequest
from core.domain.result import GenerationResult
from core.jobs.live import LiveJobs, LiveRun
from core.jobs.loop import JobLoop
from core.jobs.rules import JobRules
from core.jobs.slots import Slots
from tests.unit.core.workshop import Workshop


class Watched(MemoryJobStore):
    """Looks whether a job might be drawn while the end of another is stored."""

    def __init__(self, slots: Slots) -> None:
        super().__init__()
        self.slots = slots
        self.free: list[bool] = []

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        self.free.append(is_free(self.slots))
        return super().update(job_id, change)


def is_free(slots: Slots) -> bool:
    slot = slots.get(0)
    if slot is not None:
        slot.free()
    return slot is not None


def test_the_next_job_may_be_drawn_while_the_end_of_one_is_stored() -> None:
    slots, drawing, runs = Slots(1), list[bool](), list[LiveRun]()
    store = Watched(slots)
    shop = Workshop(store=store)

    def process(job: Job, run: LiveRun) -> GenerationResult:
        drawing.append(is_free(slots))
        runs.append(run)
        assert not run.drawn
        raise BackendError("no picture today")

    loop = JobLoop(
        store=store,
        endings=shop.crew.endings,
        retention=shop.crew.retention,
        live=shop.live,
        process=process,
        processes=shop.crew.processes,
        clock=shop.clock,
        new_id=lambda: "lease",
        rules=JobRules(),
        is_draining=lambda: False,
        slots=slots,
    )
    job_id = shop.service.submit(GenerationRequest(prompt="a"))
    assert loop.run_next(0) == job_id
    assert shop.service.get(job_id).state is JobState.FAILED
    assert (drawing, store.free) == ([False], [True])
    assert runs[0].drawn
    assert loop.run_next(0) is None
    assert is_free(slots)
    shop.service.submit(GenerationRequest(prompt="b"))
    assert slots.get(0) is not None
    assert loop.run_next(0) is None


def test_who_names_no_job_means_the_one_that_is_drawn_and_not_one_that_is_stored() -> None:
    live = LiveJobs(lambda: 0.0)
    first, second = live.open(make_job("a")), live.open(make_job("b"))
    assert live.of(ANYBODY) is first
    first.drawn = True
    assert live.of(ANYBODY) is second
    live.close(second)
    assert live.of(ANYBODY) is first


def test_a_slot_is_free_again_once_however_often_that_is_asked_for() -> None:
    slots = Slots(1)
    slot = slots.get(0)
    assert slot is not None
    assert slots.get(0) is None
    slot.free()
    slot.free()
    assert slots.get(0) is not None
    assert slots.get(0) is None


def test_more_slots_can_be_had_and_never_fewer() -> None:
    slots = Slots(1)
    slots.grow(3)
    slots.grow(2)
    assert [slots.get(0) is not None for _ in range(4)] == [True, True, True, False]
