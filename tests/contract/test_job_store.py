from __future__ import annotations

from adapters.jobs.memory import MemoryJobStore
from contracts.job_store import JobStoreContract


class TestMemoryJobStore(JobStoreContract):
    def make(self) -> MemoryJobStore:
        return MemoryJobStore()
