"""What is known of jobs never stands in the way of what the texts say."""

from __future__ import annotations

import json

import pytest

from adapters.jobs.sql.known import LONGEST, KnownJobs
from adapters.jobs.sql.rows import new_values
from contracts.job_samples import make_job
from core.domain.job import Job


class Counted(KnownJobs):
    def known(self, job: Job) -> bool:
        return self.of(new_values(job)) is job


def test_a_job_that_was_learnt_is_given_back_itself() -> None:
    known, job = Counted(), make_job("a")
    assert not known.known(job)
    known.learn(job, new_values(job))
    assert known.known(job)
    assert known.of(new_values(job)) == job


def test_other_texts_are_another_job() -> None:
    known, job = KnownJobs(), make_job("a")
    known.learn(job, new_values(job))
    plain = json.loads(new_values(job)["request"])
    plain["request"]["prompt"] = "another"
    changed = {**new_values(job), "request": json.dumps(plain)}
    found = known.of(changed)
    assert found.request.prompt == "another"
    with pytest.raises(TypeError):
        known.of({**new_values(job), "result": "{}"})


def test_no_more_than_so_many_and_none_so_long_are_kept() -> None:
    known, jobs = Counted(most=2), [make_job(name) for name in "abc"]
    for job in jobs:
        known.learn(job, new_values(job))
    assert [known.known(job) for job in reversed(jobs)] == [True, True, False]
    long = make_job("x" * LONGEST)
    known.learn(long, new_values(long))
    assert not known.known(long)
