"""How far a job is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.domain.job import JobId, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A snapshot of one job.

    :param stage: ``""``, ``prepare``, ``execute`` or ``finalize``.
    :param iteration: index of the batch being drawn, of ``iterations`` in all (-1: not known yet).
    :param step: sampling steps done of ``steps`` in the pass being drawn.
    :param fraction: 0..1 over the whole job.
    :param eta: seconds left, None while nothing can be said.
    :param position: jobs ahead in the queue; 0 for a running one.
    :param preview: an encoded picture in the format of the option ``live_previews_image_format``; only if
        asked
        for.
    :param sequence: grows with every change, so that a watcher can tell news from repeats.
    """

    job_id: JobId | None = None
    kind: str = ""
    state: JobState | None = None
    stage: str = ""
    label: str = ""
    iteration: int = 0
    iterations: int = 0
    step: int = 0
    steps: int = 0
    fraction: float = 0.0
    eta: float | None = None
    position: int = 0
    started_at: datetime | None = None
    interrupted: bool = False
    skipped: bool = False
    sequence: int = 0
    preview: bytes | None = None
