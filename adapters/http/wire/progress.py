"""The answer of ``GET /sdapi/v1/progress``, made from a snapshot."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from core.domain.job import JobState
from core.domain.progress import Progress

NEVER = "0"
UNKNOWN_COUNT = -1


class ProgressResponse(BaseModel):
    """``state`` has nine keys: skipped, interrupted, stopping_generation, job, job_count, job_timestamp,
    job_no, sampling_step, sampling_steps."""

    progress: float
    eta_relative: float
    state: dict[str, Any]
    current_image: str | None = None
    textinfo: str | None = None


def progress_body(now: Progress, clock: datetime) -> dict[str, Any]:
    """What the reference would say of this snapshot: the job that runs, or what the last one left behind."""
    running = now.state is JobState.RUNNING
    done = _fraction(now) if running else 0.0
    return {
        "progress": done,
        "eta_relative": _remaining(now, clock, done) if running else 0.0,
        "state": _state(now, running),
        "current_image": base64.b64encode(now.preview).decode("ascii") if running and now.preview else None,
        "textinfo": None,
    }


def _fraction(now: Progress) -> float:
    """The reference's own formula, its head start of one hundredth included."""
    done = 0.01
    if now.iterations > 0:
        done += now.iteration / now.iterations
        if now.steps > 0:
            done += now.step / now.steps / now.iterations
    return min(done, 1.0)


def _remaining(now: Progress, clock: datetime, done: float) -> float:
    if now.started_at is None:
        return 0.0
    elapsed = max(0.0, (clock - now.started_at.astimezone()).total_seconds())
    return elapsed / done - elapsed


def _state(now: Progress, running: bool) -> dict[str, Any]:
    return {
        "skipped": now.skipped,
        "interrupted": now.interrupted,
        "stopping_generation": False,
        "job": (now.label or f"scripts_{now.kind}") if running else "",
        "job_count": (now.iterations if now.iterations > 0 else UNKNOWN_COUNT) if running else 0,
        "job_timestamp": now.started_at.astimezone().strftime("%Y%m%d%H%M%S") if now.started_at else NEVER,
        "job_no": now.iteration if running else max(now.iterations, 0),
        "sampling_step": now.step if running else 0,
        "sampling_steps": now.steps,
    }
