"""How far the jobs are, on stderr: bars on a terminal, a few lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

import typer

from core.domain.job import JobId, JobState
from core.domain.progress import Progress

if TYPE_CHECKING:
    from rich.progress import TaskID

PROMPT_LENGTH = 40
QUARTERS = 4


class Ended(Protocol):
    """A job of this server or of another one."""

    @property
    def id(self) -> str: ...

    @property
    def state(self) -> JobState: ...


class Watcher(AbstractContextManager["Watcher"], Protocol):
    """Told of each job: when it is accepted, about ten times a second while it lasts, when it has ended."""

    def begin(self, job_id: JobId, prompt: str) -> None: ...

    def show(self, job_id: JobId, progress: Progress) -> None: ...

    def end(self, job: Ended) -> None: ...


def watcher() -> Watcher:
    """Bars where stderr is a terminal, lines where it is a file or a pipe."""
    return Bars() if sys.stderr.isatty() else Lines()


class Lines:
    """A line when a job is a quarter further, so that a log stays short."""

    def __init__(self) -> None:
        self._prompts: dict[JobId, str] = {}
        self._quarters: dict[JobId, int] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def begin(self, job_id: JobId, prompt: str) -> None:
        self._prompts[job_id] = shortened(prompt)

    def show(self, job_id: JobId, progress: Progress) -> None:
        quarter = int(progress.fraction * QUARTERS)
        if quarter > self._quarters.get(job_id, 0):
            self._quarters[job_id] = quarter
            typer.echo(
                f"{self._prompts.get(job_id, '')}: {step_text(progress)}, {left_text(progress.eta)}", err=True
            )

    def end(self, job: Ended) -> None:
        if job.state is not JobState.SUCCEEDED:
            typer.echo(f"{self._prompts.get(JobId(job.id), '')}: {job.state}", err=True)


class Bars:
    """A bar for each job, with its steps and the time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._tasks: dict[JobId, TaskID] = {}
        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[steps]}", markup=False),
            TextColumn("{task.fields[left]}", markup=False),
            console=Console(stderr=True),
        )

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def begin(self, job_id: JobId, prompt: str) -> None:
        self._tasks[job_id] = self._bars.add_task(shortened(prompt), total=1.0, steps="waiting", left="")

    def show(self, job_id: JobId, progress: Progress) -> None:
        self._set(job_id, progress.fraction, step_text(progress), left_text(progress.eta))

    def end(self, job: Ended) -> None:
        succeeded = job.state is JobState.SUCCEEDED
        self._set(JobId(job.id), 1.0 if succeeded else None, "done" if succeeded else str(job.state), "")

    def _set(self, job_id: JobId, fraction: float | None, steps: str, left: str) -> None:
        task = self._tasks.get(job_id)
        if task is not None:
            self._bars.update(task, completed=fraction, steps=steps, left=left)


def shortened(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= PROMPT_LENGTH else line[: PROMPT_LENGTH - 1] + "…"


def step_text(progress: Progress) -> str:
    """Where the job is: ``step 3/20``, with the batch if there are several; its stage if not in the steps."""
    if progress.state is JobState.QUEUED:
        return f"waiting behind {progress.position}" if progress.position else "waiting"
    if progress.stage != "execute" or not progress.steps:
        return progress.stage or "starting"
    batch = f"batch {progress.iteration + 1}/{progress.iterations} " if progress.iterations > 1 else ""
    return f"{batch}step {progress.step}/{progress.steps}"


def left_text(eta: float | None) -> str:
    """The time left, in words."""
    if eta is None:
        return "time left unknown"
    minutes, seconds = divmod(max(0, round(eta)), 60)
    return f"{minutes}:{seconds:02d} left"
