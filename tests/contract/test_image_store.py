from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.images.store_disk import DiskImageStore
from adapters.images.store_memory import MemoryImageStore
from contracts.image_store import ImageStoreContract
from core.ports.driven import ImageStore


class TestMemoryImageStore(ImageStoreContract):
    def make(self) -> MemoryImageStore:
        return MemoryImageStore()

    def files(self, store: ImageStore) -> Mapping[str, bytes]:
        assert isinstance(store, MemoryImageStore)
        return store.files


class TestDiskImageStore(ImageStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folders = (tmp_path / str(i) for i in itertools.count())
        self.roots: dict[int, Path] = {}

    def make(self) -> DiskImageStore:
        root = next(self.folders) / "root"
        root.mkdir(parents=True)
        store = DiskImageStore(root)
        self.roots[id(store)] = root
        return store

    def files(self, store: ImageStore) -> Mapping[str, bytes]:
        root = self.roots[id(store)]
        assert [path.name for path in root.parent.iterdir()] == ["root"]
        return {
            path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
        }
