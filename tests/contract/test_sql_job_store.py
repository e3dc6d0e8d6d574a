"""The suite of job stores over SQLite files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.jobs.choose import open_job_store
from contracts.job_store import LastingJobStoreContract
from core.ports.driven import JobStore


class TestSqliteJobStore(LastingJobStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> Iterator[None]:
        self.folders = (tmp_path / str(i) for i in itertools.count())
        self.opened: dict[JobStore, Path] = {}
        yield
        for store in self.opened:
            store.close()

    def make(self) -> JobStore:
        return self.open(next(self.folders))

    def reopen(self, store: JobStore) -> JobStore:
        store.close()
        return self.open(self.opened[store])

    def open(self, folder: Path) -> JobStore:
        store = open_job_store("sqlite", folder)
        self.opened[store] = folder
        return store
