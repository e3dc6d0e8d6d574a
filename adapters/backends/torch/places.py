"""What the torch backend is told of the disk and of memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ModelPlaces:
    """Where files lie that are drawn with.

    :ivar models: a webui's models folder, which holds ``VAE``.
    :ivar warm: bytes of checkpoints that stay on the host for a CUDA device; None: none do.
    :ivar compiled: where compiled code is kept; None: where torch keeps it.
    :ivar budget: bytes that checkpoints in memory may take together; None: a run's options say how many stay.
    """

    models: Path | None = None
    budget: int | None = None
    compiled: Path | None = None
    warm: int | None = None
