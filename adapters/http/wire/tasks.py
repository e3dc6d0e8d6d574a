"""Bodies below ``/internal``: progress of a job by its id."""

from __future__ import annotations

import base64

from pydantic import BaseModel

from adapters.http.wire.types import Bool, Int, Str
from core.domain.job import Job, JobState
from core.domain.progress import Progress

NO_PREVIEW = -1
_FORMATS = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"RIFF", "webp"))


class TaskRequest(BaseModel):
    id_task: Str | None = None
    id_live_preview: Int = NO_PREVIEW
    live_preview: Bool = True


class TaskProgress(BaseModel):
    active: bool
    queued: bool
    completed: bool
    progress: float | None = None
    eta: float | None = None
    live_preview: str | None = None
    id_live_preview: int | None = None
    textinfo: str | None = None


class PendingTasks(BaseModel):
    size: int
    tasks: list[str]


def idle_task(job: Job | None, position: int, waiting: int) -> TaskProgress:
    """Of a job that does not run, or of none."""
    state = None if job is None else job.state
    queued = state is JobState.QUEUED
    return TaskProgress(
        active=False,
        queued=queued,
        completed=state is not None and state.is_final,
        id_live_preview=NO_PREVIEW,
        textinfo=f"In queue: {position + 1}/{waiting}" if queued else "Waiting...",
    )


def active_task(now: Progress, seen: int) -> TaskProgress:
    """Of a job that runs. ``seen`` is the preview that the caller has already."""
    fresh = now.preview if now.sequence != seen else None
    return TaskProgress(
        active=True,
        queued=False,
        completed=False,
        progress=min(now.fraction, 1.0),
        eta=now.eta if now.fraction > 0 else None,
        live_preview=None if fresh is None else _data_uri(fresh),
        id_live_preview=seen if fresh is None else now.sequence,
        textinfo=None,
    )


def _data_uri(data: bytes) -> str:
    kind = next((name for magic, name in _FORMATS if data.startswith(magic)), "png")
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
