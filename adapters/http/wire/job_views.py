"""Jobs as ``/api/v1`` tells of them. Needs no web framework: webhooks and the command line use it too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from adapters.http.statuses import INTERNAL, kind_of, public_text, status_of
from adapters.http.wire.jobs import ImageView, JobView, ProgressView, ResultView, Timings
from adapters.http.wire.problems import Problem, make_problem, slug
from core.domain.job import Job, JobError
from core.domain.progress import Progress
from core.domain.result import GenerationResult

JOBS = "/api/v1/jobs"


def job_url(job_id: str, base: str = "") -> str:
    """
    :param base: path in front of every route.
    """
    return f"{base}{JOBS}/{quote(job_id, safe='()')}"


def job_view(
    job: Job, progress: Progress | None = None, *, base: str = "", keep_hours: float | None = None
) -> JobView:
    """
    :param progress: of a job that has not ended, where it is wanted.
    """
    kept = None if keep_hours is None else timedelta(hours=keep_hours)
    return JobView(
        id=job.id,
        kind=job.request.kind.value,
        state=job.state,
        url=job_url(job.id, base),
        prompt=job.request.prompt,
        seed=job.frozen.seed,
        subseed=job.frozen.subseed,
        model=job.frozen.model.title if job.frozen.model else None,
        priority=job.priority,
        attempts=job.attempts,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        expires_at=job.finished_at + kept if kept is not None and job.finished_at else None,
        progress=None if progress is None or job.state.is_final else progress_view(job.id, progress),
        result=None if job.result is None else _result(job, job.result, base),
        error=None if job.error is None else problem_of(job.error),
    )


def progress_view(job_id: str, progress: Progress) -> ProgressView:
    assert progress.state is not None
    return ProgressView(
        id=job_id,
        state=progress.state,
        stage=progress.stage,
        label=progress.label,
        iteration=progress.iteration,
        iterations=progress.iterations,
        step=progress.step,
        steps=progress.steps,
        fraction=progress.fraction,
        eta=progress.eta,
        position=progress.position,
        interrupted=progress.interrupted,
        sequence=progress.sequence,
    )


def problem_of(error: JobError) -> Problem:
    """Why a job failed. The text of what nobody foresaw stays in the log."""
    kind = kind_of(error)
    if kind is None:
        return make_problem(500, slug(error.kind), INTERNAL)
    return make_problem(status_of(kind), slug(kind.__name__), public_text(kind, error.message))


def webhook_body(job: Job) -> bytes:
    """What a webhook is sent: the job as ``GET /api/v1/jobs/{id}`` has it, no pictures."""
    return job_view(job).model_dump_json().encode()


def _result(job: Job, result: GenerationResult, base: str) -> ResultView:
    receipt = result.receipt
    waited = (job.started_at - job.created_at).total_seconds() if job.started_at else 0.0
    return ResultView(
        images=[
            ImageView(
                index=n,
                url=f"{job_url(job.id, base)}/images/{n}",
                width=image.width,
                height=image.height,
                seed=image.seed,
                subseed=image.subseed,
                infotext=image.infotext,
                format=image.format,
                size=image.size,
                path=image.path,
            )
            for n, image in enumerate(result.images)
        ],
        info=plain(result.info),
        comments=list(result.comments),
        timings=Timings(
            queue=waited, prepare=receipt.prepare, execute=receipt.execute, finalize=receipt.finalize
        ),
    )


def plain(info: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON has no word for becomes null, as in the info text of ``/sdapi/v1``."""
    found: dict[str, Any] = json.loads(json.dumps(dict(info), default=lambda value: None))
    return found
