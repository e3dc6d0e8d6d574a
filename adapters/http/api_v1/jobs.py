"""``/api/v1/jobs``: submit, look, stop, forget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.http.api_v1.finding import Finder
from adapters.http.api_v1.intake import Accepted, Intake
from adapters.http.body import router as new_router
from adapters.http.submitting import not_offered
from adapters.http.users import caller_of, user_of
from adapters.http.wire.jobs import (
    LARGEST_PAGE,
    AnyJob,
    BatchBody,
    JobBody,
    JobList,
    JobPage,
    JobView,
)
from core.domain.job import JobFilter, JobId, JobState
from core.domain.request import Kind
from core.ports.driving import ControlJobs

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="the same key with the same body gives the same job, also after it has ended",
    ),
]
REPLAYED = "Idempotent-Replayed"


class JobRoutes:
    """The routes of single jobs and of listings."""

    def __init__(self, jobs: ControlJobs, intake: Intake, finder: Finder, kinds: frozenset[Kind]) -> None:
        self._jobs = jobs
        self._intake = intake
        self._finder = finder
        self._kinds = kinds

    async def submit(self, body: JobBody, request: Request, key: Key = None) -> Response:
        if (refusal := self._not_offered([body], request)) is not None:
            return refusal
        [accepted] = await run_in_threadpool(self._accept, [body], request, [key])
        view = await run_in_threadpool(self._view, request, accepted.id)
        return _made(view, replayed=not accepted.fresh)

    async def submit_batch(self, body: BatchBody, request: Request, key: Key = None) -> Response:
        if (refusal := self._not_offered(body.jobs, request)) is not None:
            return refusal
        keys = [key and f"{key}#{n}" for n in range(len(body.jobs))]
        accepted = await run_in_threadpool(self._accept, body.jobs, request, keys)
        views = await run_in_threadpool(lambda: [self._view(request, job.id) for job in accepted])
        return JSONResponse(JobList(jobs=views).model_dump(mode="json"), 202)

    async def listing(
        self,
        request: Request,
        state: Annotated[list[JobState] | None, Query(description="only these; may be repeated")] = None,
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
        cursor: Annotated[str | None, Query(description="next of the page before")] = None,
    ) -> JobPage:
        return await run_in_threadpool(self._page, request, state, limit, cursor)

    async def show(self, job_id: str, request: Request) -> JobView:
        return await run_in_threadpool(self._view, request, job_id)

    async def cancel(self, job_id: str, request: Request) -> JobView:
        return await run_in_threadpool(self._stop, request, job_id)

    async def skip(self, job_id: str, request: Request) -> JobView:
        def skip() -> JobView:
            self._jobs.skip(self._finder.find(request, job_id).id)
            return self._view(request, job_id)

        return await run_in_threadpool(skip)

    async def retry(self, job_id: str, request: Request) -> Response:
        def retry() -> JobView:
            return self._view(request, self._jobs.retry(self._finder.find(request, job_id).id))

        return _made(await run_in_threadpool(retry))

    async def delete(self, job_id: str, request: Request) -> Response:
        def delete() -> JobView | None:
            job = self._finder.find(request, job_id)
            if not job.state.is_final:
                return self._stop(request, job_id)
            self._jobs.purge(job.id)
            return None

        stopped = await run_in_threadpool(delete)
        if stopped is None:
            return Response(status_code=204)
        return JSONResponse(stopped.model_dump(mode="json"), 202)

    def _accept(
        self, bodies: Sequence[AnyJob], request: Request, keys: Sequence[str | None]
    ) -> list[Accepted]:
        return self._intake.accept(bodies, caller_of(request), keys)

    def _view(self, request: Request, job_id: str) -> JobView:
        return self._finder.view(request, self._finder.find(request, job_id))

    def _stop(self, request: Request, job_id: str) -> JobView:
        """One that has ended stays as it is."""
        self._jobs.interrupt(self._finder.find(request, job_id).id)
        return self._view(request, job_id)

    def _page(
        self, request: Request, states: list[JobState] | None, limit: int, cursor: str | None
    ) -> JobPage:
        which = JobFilter(
            owner=user_of(request),
            states=frozenset(states) if states else None,
            after=JobId(cursor) if cursor else None,
            limit=limit + 1,
        )
        found = self._jobs.jobs(which)
        views = [self._finder.view(request, job, progress=False) for job in found[:limit]]
        return JobPage(jobs=views, next=views[-1].id if len(found) > limit else None)

    def _not_offered(self, bodies: Sequence[AnyJob], request: Request) -> Response | None:
        missing = [kind for kind in map(_kind, bodies) if kind not in self._kinds]
        return not_offered(missing[0]).response(request.scope) if missing else None


def _kind(body: AnyJob) -> Kind:
    return Kind(body.kind)


def _made(view: JobView, *, replayed: bool = False) -> Response:
    headers = {"Location": view.url, **({REPLAYED: "true"} if replayed else {})}
    return JSONResponse(view.model_dump(mode="json"), 202, headers)


def jobs_router(routes: JobRoutes) -> APIRouter:
    router = new_router("/api/v1/jobs", ["own API"])
    accepted: dict[int | str, dict[str, Any]] = {
        202: {"model": JobView, "headers": {"Location": {"schema": {"type": "string"}}}}
    }
    deleted: dict[int | str, dict[str, Any]] = {
        202: {"model": JobView, "description": "It had not ended and is stopped"},
        204: {"description": "It had ended and is forgotten"},
    }
    router.post("", status_code=202, responses=accepted, response_model=JobView, summary="Submit a job")(
        routes.submit
    )
    router.post(
        "/batch", status_code=202, response_model=JobList, summary="Submit several jobs, all or none"
    )(routes.submit_batch)
    router.get("", summary="Your jobs, newest first")(routes.listing)
    router.get("/{job_id}", summary="A job, and how far it is")(routes.show)
    router.delete("/{job_id}", status_code=204, responses=deleted, summary="Forget a job, or stop it")(
        routes.delete
    )
    router.post("/{job_id}/cancel", summary="Stop a job; its pictures so far stay")(routes.cancel)
    router.post("/{job_id}/skip", summary="Drop the picture in progress and go on")(routes.skip)
    router.post(
        "/{job_id}/retry",
        status_code=202,
        responses=accepted,
        response_model=JobView,
        summary="The same once more, as a new job with the same seed and options",
    )(routes.retry)
    return router
