"""``/internal``: jobs by their id, and what support asks for."""

from __future__ import annotations

import platform
import sys
from datetime import datetime
from importlib.metadata import version

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.application import Application
from adapters.http.body import router as new_router
from adapters.http.users import caller_of, seen_by, user_of
from adapters.http.wire.tasks import PendingTasks, TaskProgress, TaskRequest, active_task, idle_task
from core.domain.errors import UnknownJob
from core.domain.job import Caller, Job, JobFilter, JobState
from core.ports.driving import ControlJobs, EditOptions

MOST_LISTED = 200


def tasks_router(jobs: ControlJobs) -> APIRouter:
    router = new_router("/internal", ["jobs"])

    @router.post("/progress", summary="How far the job of an id is")
    async def progress(body: TaskRequest, request: Request) -> TaskProgress:
        return await run_in_threadpool(task_progress, jobs, body, caller_of(request))

    @router.get("/pending-tasks", summary="Ids of the jobs that wait")
    async def pending_tasks(request: Request) -> PendingTasks:
        return await run_in_threadpool(waiting, jobs, user_of(request))

    return router


def task_progress(jobs: ControlJobs, body: TaskRequest, caller: Caller) -> TaskProgress:
    """Of the named job, or without a name of the caller's that runs."""
    job = jobs.running(caller) if body.id_task is None else _find(jobs, body.id_task, caller.owner)
    if job is None:
        return idle_task(None, 0, 0)
    if job.state is not JobState.RUNNING:
        return idle_task(job, jobs.progress(job.id).position, jobs.queue().counts[JobState.QUEUED])
    return active_task(jobs.progress(job.id, preview=body.live_preview), body.id_live_preview)


def waiting(jobs: ControlJobs, user: str | None) -> PendingTasks:
    """The oldest first. Pages ask for this all the time, so that no more than the newest are listed; how many
    there are is told nevertheless where everybody is the same person."""
    which = JobFilter(owner=user, states=frozenset((JobState.QUEUED,)), limit=MOST_LISTED)
    ids: list[str] = [job.id for job in reversed(jobs.jobs(which))]
    full = len(ids) == MOST_LISTED and user is None
    return PendingTasks(size=jobs.queue().counts[JobState.QUEUED] if full else len(ids), tasks=ids)


def count_waiting(jobs: ControlJobs, user: str | None) -> int:
    return jobs.queue().counts[JobState.QUEUED] if user is None else waiting(jobs, user).size


def _find(jobs: ControlJobs, name: str, user: str | None) -> Job | None:
    try:
        return seen_by(user, jobs, name)
    except UnknownJob:
        return None


def support_router(app: Application) -> APIRouter:
    router = new_router("/internal", ["support"])

    @router.get("/ping", summary="Whether the process answers")
    async def ping() -> dict[str, str]:
        return {}

    @router.get("/quicksettings-hint", summary="Names of all options")
    async def quicksettings_hint() -> list[dict[str, str]]:
        return hints(app.options)

    @router.get("/profile-startup", summary="Start-up timings; none are kept")
    async def profile_startup() -> dict[str, dict[str, float]]:
        return {"records": {}}

    @router.get("/sysinfo", summary="What a report of a fault should tell")
    async def sysinfo() -> Response:
        return described(app, "inline")

    @router.get("/sysinfo-download", summary="The same as a file")
    async def sysinfo_download() -> Response:
        return described(app, "attachment")

    return router


def hints(options: EditOptions) -> list[dict[str, str]]:
    return [{"name": spec.name, "label": spec.name} for spec in options.specs()]


def described(app: Application, disposition: str) -> Response:
    """No paths, no environment, no settings: this is pasted into public places."""
    found = {
        "Platform": platform.platform(),
        "Python": sys.version.split()[0],
        "Version": version("serena"),
        "Backend": app.backend,
        "Extensions": [{"name": report.name, "version": report.version} for report in app.plugins],
    }
    name = f"sysinfo-{datetime.now():%Y-%m-%d-%H-%M}.json"
    return JSONResponse(found, headers={"Content-Disposition": f'{disposition}; filename="{name}"'})
