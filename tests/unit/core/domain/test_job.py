"""The states of a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import JobConflict, LeaseLost
from core.domain.job import ALLOWED, Delivery, FrozenInputs, Job, JobError, JobId, JobState, Lease
from core.domain.model import ModelIdentity
from core.domain.request import GenerationRequest
from core.domain.result import GenerationResult, Outcome, RunReceipt

NOW = datetime(2026, 1, 2, tzinfo=UTC)
RECEIPT = RunReceipt(
    run_id="r", job_id="j", backend="b", started_at=NOW, finished_at=NOW, prepare=0.0, execute=0.0,
    finalize=0.0, outcome=Outcome.SUCCEEDED,
)  # fmt: skip
RESULT = GenerationResult(images=(), info={}, receipt=RECEIPT)
MOVES = {
    "start": (JobState.RUNNING, lambda job: job.start(NOW)),
    "requeue": (JobState.QUEUED, lambda job: job.requeue()),
    "succeed": (JobState.SUCCEEDED, lambda job: job.succeed(RESULT, NOW)),
    "fail": (JobState.FAILED, lambda job: job.fail(JobError("BackendError", "no"), NOW)),
    "cancel": (JobState.CANCELLED, lambda job: job.cancel(NOW, RESULT)),
}


def make() -> Job:
    frozen = FrozenInputs(seed=1, subseed=2, model=ModelIdentity("m", "0" * 64))
    return Job(id=JobId("j"), request=GenerationRequest(), frozen=frozen, created_at=NOW)


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=12))
def test_only_allowed_moves_are_made_and_others_change_nothing(moves: list[str]) -> None:
    job = make()
    for name in moves:
        wanted, move = MOVES[name]
        if wanted in ALLOWED[job.state]:
            after = move(job)
            assert after.state is wanted
            assert (after.id, after.request, after.frozen) == (job.id, job.request, job.frozen)
            job = after
        else:
            before = job
            with pytest.raises(JobConflict, match=f"job j is {job.state}"):
                move(job)
            assert job == before
        assert job.state.is_final == (job.finished_at is not None)
        assert (job.started_at is None) or job.attempts > 0


def test_an_ended_job_moves_no_more() -> None:
    for state in JobState:
        assert state.is_final == (not ALLOWED[state])


def test_each_start_is_counted() -> None:
    job = make().start(NOW).requeue()
    assert (job.attempts, job.started_at) == (1, None)
    assert job.start(NOW).attempts == 2


LEASE = Lease(token="one", worker="me", until=NOW)
LATER = datetime(2026, 1, 3, tzinfo=UTC)


def test_only_the_holder_of_the_lease_goes_on() -> None:
    job = make().start(NOW, LEASE)
    assert job.renew("one", LATER).lease == Lease(token="one", worker="me", until=LATER)
    for move in (
        lambda: job.renew("two", LATER),
        lambda: job.requeue(),
        lambda: job.succeed(RESULT, NOW, "two"),
        lambda: job.fail(JobError("BackendError", "no"), NOW),
        lambda: job.cancel(NOW, RESULT, "two"),
    ):
        with pytest.raises(LeaseLost, match="not leased to this worker"):
            move()
    assert job.succeed(RESULT, NOW, "one").lease is None


def test_a_server_s_death_is_not_the_job_s_fault() -> None:
    job = make()
    for died in (True, False, True):
        job = job.start(NOW, LEASE).requeue("one", server_died=died)
    assert (job.attempts, job.server_deaths, job.blame) == (3, 2, 1)


def test_only_a_running_job_is_told_to_stop() -> None:
    assert make().start(NOW).request_stop().stop_requested
    for job in (make(), make().cancel(NOW)):
        with pytest.raises(JobConflict, match="only a running job"):
            job.request_stop()


def test_what_is_owed_is_claimed_by_one() -> None:
    job = replace(make().cancel(NOW), delivery=Delivery(id="d", url="u")).owe(NOW)
    claimed = job.claim(NOW, LATER)
    for other in (claimed, make().cancel(NOW).owe(NOW)):
        with pytest.raises(JobConflict, match="owes nothing now"):
            other.claim(NOW, LATER)
    assert claimed.claim(LATER, LATER) == claimed
    assert claimed.with_delivery(None, NOW).due_at is None


def test_files_of_a_job_without_a_result_are_none() -> None:
    job = make().cancel(NOW)
    assert job.with_files({}, NOW) == job
