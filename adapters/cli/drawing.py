"""Submit requests, watch their jobs, and stop them on Ctrl-C with the pictures that exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from adapters.cli.progress import Watcher
from core.domain.errors import SerenaError
from core.domain.job import Job, JobId, JobState
from core.domain.request import GenerationRequest

if TYPE_CHECKING:
    from adapters.application import Application

POLL_SECONDS = 0.1


@dataclass(slots=True)
class Drawing:
    """What became of the jobs, in the order of the prompts."""

    jobs: list[Job] = field(default_factory=list)
    interrupted: bool = False
    error: SerenaError | None = None


def draw(application: Application, requests: Sequence[GenerationRequest], watcher: Watcher) -> Drawing:
    """Draw all of them.

    Raises what acceptance raises; what fails later is in the answer, beside what was drawn.
    """
    run = _Run(application, watcher)
    try:
        run.submit(requests)
        run.follow()
    except KeyboardInterrupt:
        # A second Ctrl-C while this waits goes through, and ends the command at once.
        run.stop()
    return run.drawing()


class _Run:
    def __init__(self, application: Application, watcher: Watcher) -> None:
        self._app = application
        self._watcher = watcher
        self._ids: list[JobId] = []
        self._done: dict[JobId, Job] = {}
        self._news: SimpleQueue[Job] = SimpleQueue()
        self._interrupted = False

    def submit(self, requests: Sequence[GenerationRequest]) -> None:
        for request in requests:
            try:
                self._submit(request)
            except SerenaError:
                self.stop()
                raise

    def _submit(self, request: GenerationRequest) -> None:
        job_id = self._app.images.submit(request)
        self._ids.append(job_id)
        self._app.images.when_done(job_id, self._news.put)
        self._watcher.begin(job_id, request.prompt)

    def follow(self) -> None:
        while len(self._done) < len(self._ids):
            try:
                job = self._news.get(timeout=POLL_SECONDS)
            except Empty:
                self._look()
            else:
                self._done[job.id] = job
                self._watcher.end(job)

    def _look(self) -> None:
        for job_id in self._ids:
            if job_id not in self._done:
                self._watcher.show(job_id, self._app.jobs.progress(job_id))

    def stop(self) -> None:
        self._interrupted = True
        for job_id in self._ids:
            if job_id not in self._done:
                self._app.jobs.interrupt(job_id)
                # Again, since Ctrl-C may have come before the first time. Twice the news does no harm.
                self._app.images.when_done(job_id, self._news.put)
        self.follow()

    def drawing(self) -> Drawing:
        jobs = [self._done[job_id] for job_id in self._ids]
        return Drawing(jobs, self._interrupted, self._first_error(jobs))

    def _first_error(self, jobs: Sequence[Job]) -> SerenaError | None:
        for job in jobs:
            if job.state is JobState.FAILED:
                return self._error_of(job)
        return None

    def _error_of(self, job: Job) -> SerenaError:
        # The service has the error itself, with its class; the job keeps the sentence only.
        try:
            self._app.images.wait(job.id, timeout=0)
        except SerenaError as error:
            return error
        except Exception as error:
            return SerenaError(f"{type(error).__name__}: {error}")
        return SerenaError(job.error.message if job.error else f"job {job.id} failed")
