from __future__ import annotations

from adapters.images.blobs_memory import MemoryBlobStore
from contracts.blob_store import CountedBlobStoreContract


class TestMemoryBlobStore(CountedBlobStoreContract):
    def make(self) -> MemoryBlobStore:
        return MemoryBlobStore()
