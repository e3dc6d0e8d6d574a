"""The suite of blob stores over files, and what only files can suffer."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.images.blobs_disk import DiskBlobStore
from contracts.blob_store import SweptBlobStoreContract, everything, nothing
from core.domain.errors import StorageError
from core.domain.image import BlobRef
from core.ports.driven import BlobStore


class Seconds:
    """A clock that never runs backwards, turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class TestDiskBlobStore(SweptBlobStoreContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folders = (tmp_path / str(i) / "blobs" for i in itertools.count())
        self.roots: dict[BlobStore, Path] = {}
        self.seconds = Seconds()

    def make(self) -> DiskBlobStore:
        return self.open(next(self.folders))

    def reopen(self, store: BlobStore) -> DiskBlobStore:
        return self.open(self.roots[store])

    def age(self, store: BlobStore, ref: BlobRef, seconds: float) -> None:
        self.seconds.now += seconds
        make_old(self.roots[store], ref, seconds)
        # The others are as new as they were.
        for path in self.roots[store].glob("??/*"):
            if path.name != ref and time.time() - path.stat().st_mtime < 60:
                store.put(path.read_bytes())

    def open(self, root: Path) -> DiskBlobStore:
        store = DiskBlobStore(root, self.seconds)
        self.roots[store] = root
        return store


def make_old(root: Path, ref: BlobRef, seconds: float) -> None:
    path = root / ref[:2] / ref
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_a_sweep_of_nothing(tmp_path: Path) -> None:
    assert DiskBlobStore(tmp_path / "none").sweep(nothing, 0) == 0


def test_a_clock_that_jumps_removes_nothing_that_was_just_put(tmp_path: Path) -> None:
    """The file looks a year old; this process knows better."""
    store = DiskBlobStore(tmp_path)
    ref = store.put(b"abc")
    make_old(tmp_path, ref, 365 * 86_400)
    assert store.sweep(nothing, 3600) == 0
    assert store.get(ref) == b"abc"


def test_what_is_swept_is_not_remembered(tmp_path: Path) -> None:
    seconds = Seconds()
    store = DiskBlobStore(tmp_path, seconds)
    ref = store.put(b"abc")
    make_old(tmp_path, ref, 7200)
    seconds.now = 7200
    assert store.sweep(everything, 3600) == 0
    assert store.sweep(nothing, 3600) == 1
    assert store.put(b"abc") == ref
    assert store.get(ref) == b"abc"


def test_what_another_process_removed_meanwhile_is_not_counted(tmp_path: Path) -> None:
    ref = DiskBlobStore(tmp_path).put(b"abc")
    make_old(tmp_path, ref, 7200)

    def in_use(refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
        assert DiskBlobStore(tmp_path).sweep(nothing, 3600) == 1
        return frozenset()

    assert DiskBlobStore(tmp_path).sweep(in_use, 3600) == 0


def test_what_a_crash_left_half_written_goes_with_time(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path)
    folder = tmp_path / store.put(b"abc")[:2]
    for name, age in ((".old.tmp", 7200), (".new.tmp", 0)):
        (folder / name).write_bytes(b"ab")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    (tmp_path / "a file of somebody").write_bytes(b"")
    assert store.sweep(nothing, 60) == 0
    assert sorted(path.name for path in folder.iterdir() if path.suffix) == [".new.tmp"]


def test_a_file_that_lost_its_content_is_written_anew(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path)
    ref = store.put(b"abc")
    (tmp_path / ref[:2] / ref).write_bytes(b"")
    assert store.put(b"abc") == ref
    assert store.get(ref) == b"abc"


def test_a_disk_that_refuses_says_why(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_bytes(b"a file is in the way")
    with pytest.raises(StorageError, match="in the way"):
        DiskBlobStore(tmp_path / "blobs").put(b"abc")
    with pytest.raises(StorageError, match="cannot read"):
        DiskBlobStore(tmp_path / "blobs").size(BlobRef("0" * 64))


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path)
    ref = store.put(b"abc")
    path = tmp_path / ref[:2] / ref
    path.unlink()
    path.mkdir()
    with pytest.raises(StorageError, match=r"cannot read .*a folder is in the way"):
        store.get(ref)


def test_what_cannot_be_swept_says_why(tmp_path: Path) -> None:
    store = DiskBlobStore(tmp_path)
    ref = store.put(b"abc")
    path = tmp_path / ref[:2] / ref
    path.unlink()
    path.mkdir()
    make_old(tmp_path, ref, 7200)
    reopened = DiskBlobStore(tmp_path)
    with pytest.raises(StorageError):
        reopened.sweep(nothing, 3600)
