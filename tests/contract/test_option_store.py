from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from adapters.options.store_disk import DiskOptionStore
from adapters.options.store_memory import MemoryOptionStore
from contracts.option_store import OptionStoreContract


class Everything:
    def __contains__(self, _: object) -> bool:
        return True


class TestMemoryOptionStore(OptionStoreContract):
    def make(self) -> MemoryOptionStore:
        return MemoryOptionStore()


class TestDiskOptionStore(OptionStoreContract):
    known: Everything | None = None

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folders = (tmp_path / str(i) for i in itertools.count())

    def make(self) -> DiskOptionStore:
        return DiskOptionStore(next(self.folders), self.known)


class TestDiskOptionStoreThatKnowsItsOptions(TestDiskOptionStore):
    known = Everything()
