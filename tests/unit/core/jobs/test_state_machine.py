"""Jobs through anything that can happen to them, over every kind of store."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings

from adapters.jobs.choose import open_job_store
from adapters.jobs.memory import MemoryJobStore
from core.ports.driven import JobStore
from tests.unit.core.jobs.machine import JobMachine


class MemoryMachine(JobMachine):
    """A store that its servers share, and that outlives them."""

    def make_store(self) -> JobStore:
        return MemoryJobStore()


class SqliteMachine(JobMachine):
    """Each restart opens the file anew."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()

    def make_store(self) -> JobStore:
        return open_job_store("sqlite", Path(self._folder.name))

    def reopen(self, store: JobStore) -> JobStore:
        store.close()
        return self.make_store()

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]

TestMemory = MemoryMachine.TestCase
TestMemory.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=SLOW
)
TestSqlite = SqliteMachine.TestCase
TestSqlite.settings = settings(
    max_examples=8, stateful_step_count=30, deadline=None, suppress_health_check=SLOW
)
