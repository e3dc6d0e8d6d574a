"""What a run gives back: references to encoded pictures, what was drawn, and the receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.domain.image import BlobRef, ImageFormat


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReceipt:
    """Proof that a run passed the runner, and how long each stage took (seconds)."""

    run_id: str
    job_id: str
    backend: str
    started_at: datetime
    finished_at: datetime
    prepare: float
    execute: float
    finalize: float
    outcome: Outcome
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SideFile:
    """A file that takes the name of the one it stands beside, with its own extension."""

    extension: str
    blob: BlobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOrder:
    """A file to write once the result is committed: what ``ImageStore.save`` is told, and the bytes' name.

    :ivar image: index of the picture of the result that it is; None for a file that is not answered with.
    """

    blob: BlobRef
    folder: tuple[str, ...]
    stem: str
    extension: str
    number: bool = True
    basename: str = ""
    replace: bool = False
    image: int | None = None
    beside: tuple[SideFile, ...] = ()

    def blobs(self) -> tuple[BlobRef, ...]:
        return (self.blob, *(side.blob for side in self.beside))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultImage:
    """One picture of a result.

    :param blob: the encoded bytes, infotext inside if the options say so.
    :param path: where it was saved below the data folder, or None: not saved, or not yet.
    :param size: length of the bytes.
    """

    blob: BlobRef
    format: ImageFormat
    width: int
    height: int
    seed: int
    subseed: int
    infotext: str
    path: str | None = None
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """Everything that the job drew, in order; a grid, if any, first.

    :param info: the reference's ``info`` object: keys and order as its API prints them.
    :param files: what is to be saved once the result is committed.
    """

    images: tuple[ResultImage, ...]
    info: Mapping[str, Any]
    receipt: RunReceipt
    comments: tuple[str, ...] = field(default=())
    files: tuple[FileOrder, ...] = ()
