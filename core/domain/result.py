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


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultImage:
    """One picture of a result.

    :param blob: the encoded bytes, infotext inside if the options say so.
    :param path: where it was saved below the data folder, or None.
    """

    blob: BlobRef
    format: ImageFormat
    width: int
    height: int
    seed: int
    subseed: int
    infotext: str
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResult:
    """Everything that the job drew, in order; a grid, if any, first.

    :param info: the reference's ``info`` object: keys and order as its API prints them.
    """

    images: tuple[ResultImage, ...]
    info: Mapping[str, Any]
    receipt: RunReceipt
    comments: tuple[str, ...] = field(default=())
