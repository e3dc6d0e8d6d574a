"""What every ``BlobStore`` must do. Subclass in a test module and say how one is made."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor

from core.domain.image import BlobRef
from core.ports.driven import BlobStore


class BlobStoreContract(ABC):
    """Bytes by their hash, counted."""

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

    def test_what_was_put_twice_is_released_twice(self) -> None:
        store = self.make()
        ref = store.put(b"abc")
        assert store.put(b"abc") == ref
        store.release(ref)
        assert store.get(ref) == b"abc"
        store.release(ref)
        assert store.get(ref) is None

    def test_released_bytes_may_come_again(self) -> None:
        store = self.make()
        store.release(store.put(b"abc"))
        assert store.get(store.put(b"abc")) == b"abc"

    def test_counting_survives_threads(self) -> None:
        store = self.make()
        with ThreadPoolExecutor(8) as pool:
            refs = list(pool.map(store.put, [b"abc"] * 200))
            list(pool.map(store.release, refs[1:]))
        assert store.get(refs[0]) == b"abc"
        store.release(refs[0])
        assert store.get(refs[0]) is None
