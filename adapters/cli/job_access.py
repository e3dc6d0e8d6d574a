"""Jobs, of a server or of the data folder of this machine, as the ``jobs`` commands see them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

from adapters.cli.common import host_of, settings_from
from adapters.cli.connecting import connect
from adapters.client.events import JobEvent
from adapters.client.models import JobView, job_view, progress_view
from core.domain.errors import JobConflict
from core.domain.job import JobFilter, JobId, JobState

if TYPE_CHECKING:
    from adapters.client.sync import Client
    from adapters.settings import Settings
    from core.ports.driving import ControlJobs

LOOK_SECONDS = 0.2


class JobAccess(Protocol):
    """What can be done to jobs."""

    def jobs(self, states: Collection[JobState], *, limit: int | None = None) -> Iterable[JobView]:
        """Newest first."""
        ...

    def get(self, job_id: str) -> JobView: ...

    def events(self, job_id: str) -> Iterator[JobEvent]: ...

    def cancel(self, job_id: str) -> JobView: ...

    def retry(self, job_id: str) -> JobView: ...

    def purge(self, job_id: str) -> None: ...


def opened(
    context: typer.Context, server: str | None, data_dir: Path | None
) -> AbstractContextManager[JobAccess]:
    """The jobs of ``server``, or those that servers of this machine keep in the data folder."""
    return _here(context, data_dir) if server is None else _there(server)


@contextmanager
def _there(server: str) -> Iterator[JobAccess]:
    with connect(server) as client:
        yield RemoteJobs(client)


@contextmanager
def _here(context: typer.Context, data_dir: Path | None) -> Iterator[JobAccess]:
    application = host_of(context).open(for_looking(settings_from(data_dir)))
    try:
        yield LocalJobs(application.jobs)
    finally:
        application.close()


def for_looking(settings: Settings) -> Settings:
    """Nothing is drawn, so nothing is loaded; the jobs are those that a server of this folder keeps."""
    store = "sqlite" if settings.jobs.store == "auto" else settings.jobs.store
    changes = {
        "jobs": settings.jobs.model_copy(update={"store": store}),
        "backend": settings.backend.model_copy(update={"name": "fake"}),
        "worker": settings.worker.model_copy(update={"kind": "thread"}),
    }
    return settings.model_copy(update=changes)


class RemoteJobs:
    """Those of a server."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.jobs, self.get, self.events = client.jobs, client.get, client.events
        self.cancel, self.retry = client.cancel, client.retry

    def purge(self, job_id: str) -> None:
        if self.get(job_id).state.is_final:
            self._client.delete(job_id)
        else:
            raise JobConflict(f"job {job_id} has not ended; cancel it first")


class LocalJobs:
    """Those of the data folder. A server that works there hears of what is done to them."""

    def __init__(self, jobs: ControlJobs) -> None:
        self._jobs = jobs

    def jobs(self, states: Collection[JobState], *, limit: int | None = None) -> Iterable[JobView]:
        which = JobFilter(states=frozenset(states) or None, limit=limit)
        return map(job_view, self._jobs.jobs(which))

    def get(self, job_id: str) -> JobView:
        job = self._jobs.get(JobId(job_id))
        return job_view(job, self._jobs.progress(job.id))

    def events(self, job_id: str) -> Iterator[JobEvent]:
        for number in range(2**63):
            job = self._jobs.get(JobId(job_id))
            if job.state.is_final:
                yield JobEvent(number, "end", job=job_view(job))
                return
            now = self._jobs.progress(job.id)
            yield JobEvent(number, "progress", progress=progress_view(job.id, now))
            time.sleep(LOOK_SECONDS)

    def cancel(self, job_id: str) -> JobView:
        self._jobs.interrupt(self._jobs.get(JobId(job_id)).id)
        return self.get(job_id)

    def retry(self, job_id: str) -> JobView:
        return self.get(self._jobs.retry(JobId(job_id)))

    def purge(self, job_id: str) -> None:
        self._jobs.purge(JobId(job_id))
