"""The states of a job."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import JobConflict
from core.domain.job import ALLOWED, FrozenInputs, Job, JobError, JobId, JobState
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
