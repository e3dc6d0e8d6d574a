"""Where jobs and their pictures are kept, and what follows from it."""

from __future__ import annotations

from pathlib import Path

from adapters.images.blob_places import BlobPlace, LastingPlace, TemporaryPlace
from adapters.jobs.alone import NoOtherProcesses
from core.ports.driven import BlobStore, Processes

MEMORY = "memory"


def blob_kind(store: str, worker: str) -> str:
    """Pictures stay in memory where nobody else has to find them."""
    return "memory" if store == MEMORY and worker == "thread" else "disk"


def make_blob_place(store: str, data_dir: Path) -> BlobPlace:
    """Where pictures lie that outlive the process, or that another process has to find."""
    return TemporaryPlace() if store == MEMORY else LastingPlace(data_dir.absolute() / "blobs")


def make_disk_blobs(folder: Path) -> BlobStore:
    from adapters.images.blobs_disk import DiskBlobStore

    return DiskBlobStore(folder)


def make_processes(store: str, data_dir: Path) -> Processes:
    if store == MEMORY:
        return NoOtherProcesses()
    from adapters.jobs.processes import LockedProcesses

    return LockedProcesses(data_dir)
