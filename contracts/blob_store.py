"""What every ``BlobStore`` must do. Subclass in a test module and say how one is made."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from core.domain.image import BlobRef
from core.ports.driven import BlobStore


def nothing(refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
    """Nobody refers to any of them."""
    return frozenset()


def everything(refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
    return frozenset(refs)


class BlobStoreContract(ABC):
    """Bytes by their hash."""

    @abstractmethod
    def make(self) -> BlobStore:
        """A new, empty store."""

    def test_the_name_is_the_hash(self) -> None:
        assert self.make().put(b"abc") == hashlib.sha256(b"abc").hexdigest()

    def test_what_is_put_can_be_got(self) -> None:
        store = self.make()
        assert [store.get(store.put(data)) for data in (b"abc", b"", b"\0")] == [b"abc", b"", b"\0"]

    def test_unknown_bytes_are_none(self) -> None:
        store = self.make()
        store.release(BlobRef("0" * 64))
        assert store.get(BlobRef("0" * 64)) is None

    def test_what_is_no_name_is_none(self) -> None:
        store = self.make()
        for name in ("", "../../etc/passwd", "0" * 63, "G" * 64, "0\0"):
            assert store.get(BlobRef(name)) is None
            assert store.size(BlobRef(name)) == 0

    def test_the_size_is_that_of_the_bytes(self) -> None:
        store = self.make()
        assert [store.size(store.put(data)) for data in (b"abc", b"")] == [3, 0]
        assert store.size(BlobRef("0" * 64)) == 0

    def test_what_was_put_twice_outlives_one_release(self) -> None:
        store = self.make()
        ref = store.put(b"abc")
        assert store.put(b"abc") == ref
        store.release(ref)
        assert store.get(ref) == b"abc"

    def test_released_bytes_may_come_again(self) -> None:
        store = self.make()
        store.release(store.put(b"abc"))
        assert store.get(store.put(b"abc")) == b"abc"

    def test_threads_put_the_same_bytes(self) -> None:
        store = self.make()
        with ThreadPoolExecutor(8) as pool:
            refs = set(pool.map(store.put, [b"abc"] * 100))
        assert [store.get(ref) for ref in refs] == [b"abc"]

    def test_a_sweep_spares_what_is_new(self) -> None:
        store = self.make()
        ref = store.put(b"abc")
        assert store.sweep(nothing, 3600) == 0
        assert store.get(ref) == b"abc"


class CountedBlobStoreContract(BlobStoreContract):
    """Of stores that end with their process: what was put twice must be released twice."""

    def test_what_was_put_twice_is_released_twice(self) -> None:
        store = self.make()
        ref = store.put(b"abc")
        assert store.put(b"abc") == ref
        store.release(ref)
        store.release(ref)
        assert store.get(ref) is None

    def test_counting_survives_threads(self) -> None:
        store = self.make()
        with ThreadPoolExecutor(8) as pool:
            refs = list(pool.map(store.put, [b"abc"] * 200))
            list(pool.map(store.release, refs[1:]))
        assert store.get(refs[0]) == b"abc"
        store.release(refs[0])
        assert store.get(refs[0]) is None


class SweptBlobStoreContract(BlobStoreContract):
    """Of stores that outlive their process."""

    @abstractmethod
    def age(self, store: BlobStore, ref: BlobRef, seconds: float) -> None:
        """Let the blob have been put so many seconds earlier."""

    @abstractmethod
    def reopen(self, store: BlobStore) -> BlobStore:
        """What a new process finds that opens the same store."""

    def test_blobs_survive(self) -> None:
        store = self.make()
        ref = store.put(b"abc")
        assert self.reopen(store).get(ref) == b"abc"

    def test_release_alone_removes_nothing(self) -> None:
        store = self.make()
        ref = store.put(b"abc")
        store.release(ref)
        assert store.get(ref) == b"abc"

    def test_a_sweep_removes_what_is_old_and_not_in_use(self) -> None:
        store = self.make()
        used, unused, new = (store.put(data) for data in (b"used", b"unused", b"new"))
        for ref in (used, unused):
            self.age(store, ref, 7200)
        assert store.sweep(lambda refs: frozenset(refs) & {used}, 3600) == 1
        assert [store.get(ref) for ref in (used, unused, new)] == [b"used", None, b"new"]

    def test_a_sweep_asks_only_for_what_is_old(self) -> None:
        store = self.make()
        old = store.put(b"old")
        store.put(b"new")
        self.age(store, old, 7200)
        asked: list[BlobRef] = []

        def in_use(refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
            asked.extend(refs)
            return frozenset(refs)

        assert store.sweep(in_use, 3600) == 0
        assert asked == [old]

    def test_what_was_put_again_is_new(self) -> None:
        store = self.make()
        ref = store.put(b"abc")
        self.age(store, ref, 7200)
        store.put(b"abc")
        assert store.sweep(nothing, 3600) == 0
        assert store.get(ref) == b"abc"

    def test_what_is_put_during_a_sweep_stays(self) -> None:
        store = self.make()
        ref = store.put(b"abc")
        self.age(store, ref, 7200)

        def in_use(refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
            store.put(b"abc")
            return frozenset()

        assert store.sweep(in_use, 3600) == 0
        assert store.get(ref) == b"abc"
