"""Leases, lost workers, and what one process does for jobs of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from adapters.jobs.alone import NoOtherProcesses
from adapters.jobs.memory import MemoryJobStore
from core.domain.errors import UNFORESEEN, NotKept, StorageError
from core.domain.job import Caller, Job, JobId, JobState
from core.domain.request import GenerationRequest
from core.jobs.keeper import SWEEP_SECONDS
from core.jobs.publishing import PATIENCE
from tests.unit.core.jobs.fleet import LEASE, Fleet, Moment, Run, Server
from tests.unit.core.workshop import Workshop, request


@pytest.fixture
def fleet() -> Fleet:
    fleet = Fleet(MemoryJobStore())
    fleet.start()
    return fleet


def submit(server: Server, **more: object) -> JobId:
    return server.crew.service.submit(GenerationRequest(prompt="a cat"), **more)  # type: ignore[arg-type]


def begin(fleet: Fleet) -> Run:
    """The first server runs a job."""
    submit(fleet.servers[0])
    run = fleet.servers[0].take()
    assert run is not None
    return run


def test_the_job_of_a_dead_process_goes_on_at_once(fleet: Fleet) -> None:
    run = begin(fleet)
    fleet.start()
    fleet.crash(fleet.servers[0], seen=True)
    fleet.tick()
    job = fleet.job(run.job.id)
    assert (job.state, job.attempts, job.server_deaths, job.blame) == (JobState.QUEUED, 1, 1, 0)


def test_a_process_that_starts_finds_what_the_last_one_left(fleet: Fleet) -> None:
    run = begin(fleet)
    waiting = submit(fleet.servers[0])
    fleet.crash(fleet.servers[0], seen=True)
    server = fleet.start()
    server.crew.keeper.recover()
    first, second = server.take(), server.take()
    assert first is not None
    assert second is not None
    assert [first.job.id, second.job.id] == [run.job.id, waiting], "it keeps its place"
    first.go("succeed")
    second.go("succeed")


def test_where_nobody_can_tell_the_lease_decides(fleet: Fleet) -> None:
    run = begin(fleet)
    fleet.start()
    fleet.crash(fleet.servers[0], seen=False)
    fleet.clock.advance(LEASE - 1)
    fleet.tick()
    assert fleet.job(run.job.id).state is JobState.RUNNING
    fleet.clock.advance(1)
    fleet.tick()
    assert fleet.job(run.job.id).state is JobState.QUEUED


def test_a_clock_that_jumps_back_does_not_keep_a_job_for_ever(fleet: Fleet) -> None:
    run = begin(fleet)
    fleet.start()
    fleet.crash(fleet.servers[0], seen=False)
    fleet.clock.jump(-86400)
    fleet.tick()
    fleet.clock.advance(LEASE)
    fleet.tick()
    assert fleet.job(run.job.id).state is JobState.QUEUED


def test_a_run_that_goes_on_keeps_its_lease(fleet: Fleet) -> None:
    run = begin(fleet)
    other = fleet.start()
    for _ in range(10):
        fleet.clock.advance(LEASE / 2)
        fleet.tick()
    assert other.take() is None
    run.go("succeed")
    assert fleet.job(run.job.id).attempts == 1


def test_other_servers_know_how_far_a_run_is(fleet: Fleet) -> None:
    run = begin(fleet)
    other = fleet.start()
    before = other.crew.service.progress(run.job.id)
    assert (before.state, before.step, before.fraction) == (JobState.RUNNING, 0, 0.0)
    run.live.stage("execute")
    run.live.plan(2, 1)
    run.live.begin_iteration(1, "2/2")
    run.live.begin_pass(20)
    run.live.step(10)
    fleet.tick()
    here, there = (server.crew.service.progress(run.job.id) for server in (run.server, other))
    assert there == here
    assert (there.stage, there.label, there.step, there.fraction) == ("execute", "2/2", 10, 0.75)
    assert other.crew.service.progress() == there, "who names no job means the one that runs"
    assert other.crew.service.progress(caller=Caller(owner="ann")).state is None
    noted = fleet.job(run.job.id)
    fleet.tick()
    assert fleet.job(run.job.id) is noted, "nothing new is nothing to write"
    other.crew.service.interrupt(run.job.id)
    assert other.crew.service.progress(run.job.id).interrupted
    run.server.crew.service.drain(0)
    run.go("die")
    assert fleet.job(run.job.id).steps is None


def test_a_process_that_slept_too_long_writes_nothing(fleet: Fleet) -> None:
    run = begin(fleet)
    other = fleet.start()
    fleet.clock.advance(LEASE + 1)
    other.crew.look_after()
    again = other.take()
    assert again is not None
    fleet.servers[0].crew.look_after()
    assert run.live.interrupted, "it draws in vain"
    assert not again.live.interrupted
    blobs = len(fleet.blobs)
    run.go("succeed")
    assert len(fleet.blobs) == blobs, "what it drew is dropped"
    assert fleet.job(run.job.id).token == again.job.token
    again.go("succeed")
    assert fleet.job(run.job.id).state is JobState.SUCCEEDED


def test_a_run_that_vanished_in_this_process_is_found(fleet: Fleet) -> None:
    run = begin(fleet)
    run.go("kill")
    fleet.tick()
    assert fleet.job(run.job.id).state is JobState.RUNNING
    fleet.clock.advance(LEASE)
    fleet.tick()
    assert fleet.job(run.job.id).state is JobState.QUEUED


def test_a_cancel_reaches_a_run_in_another_process(fleet: Fleet) -> None:
    run = begin(fleet)
    other = fleet.start()
    other.crew.service.interrupt(run.job.id)
    assert not run.live.interrupted
    fleet.tick()
    assert run.live.interrupted
    run.go("succeed")
    assert fleet.job(run.job.id).state is JobState.CANCELLED
    assert fleet.job(run.job.id).result is not None


def test_a_cancel_outlives_the_worker(fleet: Fleet) -> None:
    run = begin(fleet)
    other = fleet.start()
    other.crew.service.interrupt(run.job.id)
    fleet.crash(fleet.servers[0], seen=True)
    fleet.tick()
    assert fleet.job(run.job.id).state is JobState.CANCELLED


def test_who_waits_here_hears_of_an_end_elsewhere(fleet: Fleet) -> None:
    run = begin(fleet)
    other, told = fleet.start(), list[Job]()
    other.crew.service.when_done(run.job.id, told.append)
    other.crew.look_after()
    run.go("succeed")
    assert told == []
    other.crew.look_after()
    other.crew.look_after()
    assert [job.state for job in told] == [JobState.SUCCEEDED]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_files_are_written_once_whenever_the_process_dies(fleet: Fleet, moment: str) -> None:
    run = begin(fleet)
    fleet.crash_while_saving(run, "before" if moment == "before" else "after")
    job = fleet.job(run.job.id)
    assert (job.state, len(job.files)) == (JobState.SUCCEEDED, 1)
    fleet.start()
    fleet.clock.advance(60)
    fleet.tick()
    job = fleet.job(run.job.id)
    assert fleet.files_of(job.id) == 1
    assert job.result is not None
    assert (job.files, job.due_at, job.result.images[0].path) == ((), None, f"out/00000-{job.id}.png")


def test_what_is_due_far_too_late_is_hurried(fleet: Fleet) -> None:
    fleet.webhook.away = True
    submit(fleet.servers[0], webhook="http://127.0.0.1/hook")
    run = fleet.servers[0].take()
    assert run is not None
    run.go("succeed")
    fleet.tick()
    fleet.webhook.away = False
    fleet.clock.jump(-86400)
    fleet.clock.advance(SWEEP_SECONDS)
    fleet.tick()
    fleet.tick()
    assert fleet.job(run.job.id).delivery is None
    assert sum(fleet.webhook.got.values()) == 1


class Refusing(MemoryJobStore):
    """Its disk is gone while ``broken`` says so."""

    broken = False

    def running(self) -> list[Job]:
        if self.broken:
            raise StorageError("the disk is gone")
        return list(super().running())


def test_a_round_goes_on_when_the_disk_refuses_a_part_of_it(caplog: pytest.LogCaptureFixture) -> None:
    store = Refusing()
    fleet = Fleet(store)
    job_id = submit(fleet.start(), webhook="http://127.0.0.1/hook")
    run = fleet.servers[0].take()
    assert run is not None
    run.go("succeed")
    store.broken = True
    fleet.tick()
    assert "the disk is gone" in caplog.text
    assert fleet.job(job_id).delivery is None


class Doubtful(MemoryJobStore):
    """Its disk fails once a result was written, and nobody knows whether that lasts."""

    fails = in_doubt = False

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        job = super().update(job_id, change)
        if self.fails and job.state.is_final:
            self.in_doubt = True
            raise NotKept("the disk failed")
        return job

    def get(self, job_id: JobId) -> Job | None:
        if self.in_doubt:
            raise NotKept("the disk failed")
        return super().get(job_id)

    def running(self) -> Sequence[Job]:
        if self.in_doubt:
            raise NotKept("the disk failed")
        return super().running()


def test_nobody_is_told_of_a_result_of_which_it_is_not_known_whether_it_lasts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, told = Doubtful(), list[Job]()
    shop = Workshop(store=store)
    job_id = shop.service.submit(request())
    shop.service.when_done(job_id, told.append)
    store.fails = True
    shop.loop.run_next(0)
    caplog.clear()
    shop.keeper.tick()
    assert (told, caplog.messages) == ([], [])
    store.fails = store.in_doubt = False
    shop.keeper.tick()
    assert [(job.id, job.state) for job in told] == [(job_id, JobState.SUCCEEDED)]


class Recovering(MemoryJobStore):
    """In doubt when a result was to be written, and no longer at the next call."""

    refuses = False

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        found = self.get(job_id)
        if self.refuses and found is not None and change(found).state.is_final:
            self.refuses = False
            raise NotKept("the disk failed")
        return super().update(job_id, change)


def test_no_job_fails_because_its_result_could_not_be_kept_for_a_moment() -> None:
    store = Recovering()
    shop = Workshop(store=store)
    job_id = shop.service.submit(request())
    store.refuses = True
    shop.loop.run_next(0)
    job = store.get(job_id)
    assert job is not None
    assert (store.refuses, job.state) == (False, JobState.RUNNING)


class InDoubt(MemoryJobStore):
    def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
        raise NotKept("the disk failed")


def test_in_doubt_no_job_is_taken() -> None:
    assert Workshop(store=InDoubt()).loop.run_next(0) is None


def test_a_drained_process_puts_its_jobs_back(fleet: Fleet) -> None:
    server = fleet.servers[0]
    run = begin(fleet)
    waiting = submit(server)
    fleet.drain(server)
    assert [fleet.job(job_id).state for job_id in (run.job.id, waiting)] == [JobState.QUEUED] * 2
    assert fleet.job(run.job.id).blame == 0
    assert server.take() is None
    after = fleet.start().take()
    assert after is not None
    assert after.job.id == run.job.id
    after.go("succeed")


def test_a_drained_process_ends_what_was_to_be_stopped(fleet: Fleet) -> None:
    run = begin(fleet)
    fleet.servers[0].crew.service.interrupt(caller=Caller())
    fleet.drain(fleet.servers[0])
    assert fleet.job(run.job.id).state is JobState.CANCELLED


def test_worker_deaths_are_counted_and_end_a_poisoned_job(fleet: Fleet) -> None:
    job_id = submit(fleet.servers[0])
    for attempt in (1, 2, 3):
        run = fleet.servers[0].take()
        assert run is not None
        assert run.job.attempts == attempt
        run.go("die")
    job = fleet.job(job_id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.kind, job.error.message) == ("WorkerDied", "the worker died (3 attempts)")


def test_a_job_whose_worker_died_is_not_tried_again_when_it_was_stopped(fleet: Fleet) -> None:
    run = begin(fleet)
    fleet.servers[0].crew.service.interrupt(run.job.id)
    run.go("die")
    assert fleet.job(run.job.id).state is JobState.CANCELLED


class Full(MemoryJobStore):
    """Takes so many refusals before a change is written."""

    refusals = 0

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        if self.refusals:
            self.refusals -= 1
            raise StorageError("the disk is full; free some space")
        return super().update(job_id, change)


def test_a_result_that_the_disk_refuses_fails_its_job() -> None:
    store = Full()
    fleet = Fleet(store)
    fleet.start()
    run = begin(fleet)
    store.refusals = 1
    run.go("succeed")
    job = fleet.job(run.job.id)
    assert job.error is not None
    assert (job.state, job.error.message) == (JobState.FAILED, "the disk is full; free some space")
    assert len(fleet.blobs) == 0


class Choosy(MemoryJobStore):
    """Fails on results, in a way that it does not promise, before it keeps them or after."""

    moment: Moment = "before"

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        found = self.get(job_id)
        assert found is not None
        if change(found).result is None:
            return super().update(job_id, change)
        if self.moment == "after":
            super().update(job_id, change)
        raise TypeError("an object has no JSON form")


def test_a_result_that_no_store_can_take_fails_its_job_at_once() -> None:
    fleet = Fleet(Choosy())
    server = fleet.start()
    run = begin(fleet)
    told: list[Job] = []
    server.crew.service.when_done(run.job.id, told.append)
    run.go("succeed")
    job = fleet.job(run.job.id)
    assert job.error is not None
    assert (job.state, job.lease, job.error.message) == (JobState.FAILED, None, UNFORESEEN)
    assert [one.state for one in told] == [JobState.FAILED]
    assert len(fleet.blobs) == 0


def test_what_fails_after_a_result_was_kept_takes_nothing_back() -> None:
    store = Choosy()
    store.moment = "after"
    shop = Workshop(store=store)
    job_id = shop.service.submit(request())
    with pytest.raises(TypeError, match="no JSON form"):
        shop.loop.run_next(0)
    assert shop.state(job_id) is JobState.SUCCEEDED
    assert len(shop.blobs) > 0


def test_a_job_that_not_even_its_failure_can_be_written_of_is_tried_again() -> None:
    store = Full()
    fleet = Fleet(store)
    fleet.start()
    run = begin(fleet)
    store.refusals = 2
    run.go("succeed")
    assert fleet.job(run.job.id).state is JobState.RUNNING
    fleet.clock.advance(LEASE)
    fleet.tick()
    again = fleet.servers[0].take()
    assert again is not None
    again.go("succeed")
    assert fleet.job(run.job.id).state is JobState.SUCCEEDED


def test_a_global_interrupt_does_not_hit_the_run_that_took_over(fleet: Fleet) -> None:
    stale = begin(fleet)
    other = fleet.start()
    fleet.clock.advance(LEASE + 1)
    other.crew.look_after()
    run = other.take()
    assert run is not None
    fleet.servers[0].crew.service.interrupt()
    assert not fleet.job(run.job.id).stop_requested
    stale.go("succeed")
    run.go("succeed")
    assert fleet.job(run.job.id).state is JobState.SUCCEEDED


class DrainsMeanwhile(MemoryJobStore):
    """The process begins to end in the moment in which it takes a job."""

    server: Server

    def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
        job = super().take(start, timeout)
        self.server.crew.service.drain()
        return job


def test_a_job_that_is_taken_while_the_process_begins_to_end_goes_back() -> None:
    store = DrainsMeanwhile()
    fleet = Fleet(store)
    store.server = fleet.start()
    job_id = submit(store.server)
    assert store.server.crew.loop.run_next(0) == job_id
    job = fleet.job(job_id)
    assert (job.state, job.attempts, job.blame) == (JobState.QUEUED, 1, 0)
    assert store.server.crew.loop.run_next(0) is None


def test_the_end_of_a_process_whose_jobs_last(fleet: Fleet) -> None:
    run = begin(fleet)
    waiting = submit(fleet.servers[0])
    fleet.servers[0].crew.service.close()
    run.go("succeed")
    assert [fleet.job(job_id).state for job_id in (run.job.id, waiting)] == [JobState.QUEUED] * 2


def test_one_at_a_time_sees_to_what_is_due(fleet: Fleet) -> None:
    submit(fleet.servers[0], webhook="http://127.0.0.1/hook")
    run = fleet.servers[0].take()
    assert run is not None
    run.go("succeed")
    [due] = fleet.store.due(fleet.clock.now())
    for server in (fleet.servers[0], fleet.start()):
        server.crew.publisher.see_to(due)
    assert sum(fleet.webhook.got.values()) == 1


def test_a_stranger_s_job_waits_for_its_lease_where_processes_are_not_known() -> None:
    fleet = Fleet(MemoryJobStore())
    fleet.start()
    run = begin(fleet)
    alone = Server(fleet, "alone", NoOtherProcesses())
    alone.crew.look_after()
    assert fleet.job(run.job.id).state is JobState.RUNNING
    fleet.clock.advance(LEASE)
    alone.crew.look_after()
    assert fleet.job(run.job.id).state is JobState.QUEUED


def test_a_receiver_that_hangs_lets_no_lease_run_out(fleet: Fleet) -> None:
    submit(fleet.servers[0], webhook="http://127.0.0.1/hook")
    first = fleet.servers[0].take()
    assert first is not None
    first.go("succeed")
    run, other, keeper = begin(fleet), fleet.start(), fleet.servers[0].crew.keeper

    def much_later() -> None:
        for _ in range(10):
            fleet.clock.advance(LEASE / 6)
            keeper.tick()
            other.crew.look_after()
            keeper.publish_due()

    fleet.webhook.meanwhile = much_later
    keeper.publish_due()
    assert other.take() is None
    assert sum(fleet.webhook.got.values()) == 1, "nobody else delivers it meanwhile"
    run.go("succeed")
    assert fleet.job(run.job.id).attempts == 1


def test_a_slow_disk_has_no_file_written_twice(fleet: Fleet) -> None:
    run = begin(fleet)
    fleet.start()

    def much_later() -> None:
        for _ in range(10):
            fleet.clock.advance(PATIENCE.total_seconds() / 3)
            fleet.tick()

    fleet.servers[0].files.meanwhile = much_later
    run.go("succeed")
    assert fleet.files_of(run.job.id) == 1
    job = fleet.job(run.job.id)
    assert (job.files, job.due_at) == ((), None)


def test_of_the_threads_of_one_process_one_delivers(fleet: Fleet) -> None:
    submit(fleet.servers[0], webhook="http://127.0.0.1/hook")
    run = fleet.servers[0].take()
    assert run is not None
    run.go("succeed")
    keeper = fleet.servers[0].crew.keeper

    def long_after() -> None:
        fleet.clock.advance(PATIENCE.total_seconds() + 1)
        keeper.publish_due()

    fleet.webhook.meanwhile = long_after
    keeper.publish_due()
    assert sum(fleet.webhook.got.values()) == 1
