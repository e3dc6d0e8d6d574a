"""The machine of jobs finds what it is there to find: each of these faults, planted on purpose, stops it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from adapters.images.store_memory import MemoryImageStore
from adapters.jobs.memory import MemoryJobStore
from core.domain.errors import LeaseLost
from core.domain.job import Job, JobId, JobState, Lease
from core.ports.driven import JobStore, StoredImage
from tests.unit.core.jobs.machine import JobMachine

# Found after ten examples, mostly; nobody needs the smallest one of a fault that is known.
SEARCH = settings(
    max_examples=400,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
)


class TokensUnchecked(MemoryJobStore):
    """Whoever ever held the lease of a job may write it."""

    def __init__(self) -> None:
        super().__init__()
        self._leases: defaultdict[JobId, list[Lease]] = defaultdict(list)

    def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
        job = super().take(start, timeout)
        if job is not None and job.lease is not None:
            self._leases[job.id].append(job.lease)
        return job

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        def unchecked(found: Job) -> Job:
            held = [replace(found, state=JobState.RUNNING, lease=lease) for lease in self._leases[job_id]]
            for one in (found, *held):
                with suppress(LeaseLost):
                    return change(one)
            raise LeaseLost(job_id)

        return super().update(job_id, unchecked)


class HandedOutTwice(MemoryJobStore):
    """While a job runs the next one who asks gets it as well."""

    def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
        taken = next(iter(self.running()), None)
        return super().take(start, timeout) if taken is None else taken


class WrittenAgain(MemoryImageStore):
    """A disk on which nobody looks whether the file is there already."""

    def save(self, *args: Any, **more: Any) -> StoredImage:
        return super().save(*args, **{**more, "once": False})


class Plain(JobMachine):
    """With nothing planted."""

    def make_store(self) -> JobStore:
        return MemoryJobStore()


class WithoutTokens(Plain):
    def make_store(self) -> JobStore:
        return TokensUnchecked()


class WithTwoTakers(Plain):
    def make_store(self) -> JobStore:
        return HandedOutTwice()


class WithoutOnce(Plain):
    def make_disk(self) -> MemoryImageStore:
        return WrittenAgain()


@pytest.mark.parametrize("machine", [WithoutTokens, WithTwoTakers, WithoutOnce])
def test_a_planted_fault_is_found(machine: type[JobMachine]) -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=SEARCH)
