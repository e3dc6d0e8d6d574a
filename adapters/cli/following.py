"""A job's events on the terminal."""

from __future__ import annotations

from adapters.cli.progress import Watcher
from adapters.client.events import JobEvent
from adapters.client.models import JobView, ProgressView
from core.domain.job import JobId
from core.domain.progress import Progress


def show_event(event: JobEvent, watcher: Watcher) -> JobView | None:
    """Tell the watcher. The job, if that was its end."""
    if event.progress is not None:
        watcher.show(JobId(event.progress.id), as_progress(event.progress))
    if event.job is not None:
        watcher.end(event.job)
    return event.job


def as_progress(view: ProgressView) -> Progress:
    return Progress(**{**view.model_dump(exclude={"id"}), "job_id": JobId(view.id)})
