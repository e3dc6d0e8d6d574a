from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from adapters.options.store_disk import DiskOptionStore
from adapters.options.store_memory import MemoryOptionStore
from contracts.option_store import OptionStoreContract


class TestMemoryOptionStore(OptionStoreContract):
    def make(self) -> MemoryOptionStore:
        return MemoryOptionStore()


class TestDiskOptionStore(OptionStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folders = (tmp_path / str(i) for i in itertools.count())

    def make(self) -> DiskOptionStore:
        return DiskOptionStore(next(self.folders))


class TestDiskOptionStoreThatKnowsItsOptions(TestDiskOptionStore):
    def make(self) -> DiskOptionStore:
        return DiskOptionStore(next(self.folders), lambda key: True)
