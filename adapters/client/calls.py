"""What can be asked of a server, apart from how it is asked: the sync and the async client share it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter

from adapters.client.models import (
    AnyJob,
    JobList,
    JobPage,
    JobState,
    JobView,
    ModelList,
    ModelView,
    PluginList,
    PluginView,
    QueueView,
)

T = TypeVar("T")

JOBS, MODELS = "/api/v1/jobs", "/api/v1/models"
PAGE = 100
_JOB, _PAGE = TypeAdapter(JobView), TypeAdapter(JobPage)
_LIST, _QUEUE = TypeAdapter(JobList), TypeAdapter(QueueView)
_MODELS, _MODEL = TypeAdapter(ModelList), TypeAdapter(ModelView)
_PLUGINS = TypeAdapter(PluginList)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read.

    :ivar repeatable: asked twice it does what it does asked once.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    repeatable: bool = True


def submit(job: AnyJob, key: str | None) -> Call[JobView]:
    return Call("POST", JOBS, _job, body=plain(job), headers=keyed(key))


def submit_batch(jobs: Sequence[AnyJob], key: str | None) -> Call[list[JobView]]:
    def read(response: httpx.Response) -> list[JobView]:
        return _LIST.validate_json(response.content).jobs

    body = {"jobs": [plain(job) for job in jobs]}
    return Call("POST", f"{JOBS}/batch", read, body=body, headers=keyed(key))


def get(job_id: str) -> Call[JobView]:
    return Call("GET", job_path(job_id), _job)


def page(states: Collection[JobState | str], limit: int, cursor: str | None) -> Call[JobPage]:
    params: dict[str, Any] = {"limit": limit}
    if states:
        params["state"] = [str(state) for state in states]
    if cursor is not None:
        params["cursor"] = cursor
    return Call("GET", JOBS, lambda answer: _PAGE.validate_json(answer.content), params=params)


def cancel(job_id: str) -> Call[JobView]:
    return Call("POST", f"{job_path(job_id)}/cancel", _job)


def skip(job_id: str) -> Call[JobView]:
    return Call("POST", f"{job_path(job_id)}/skip", _job, repeatable=False)


def retry(job_id: str) -> Call[JobView]:
    return Call("POST", f"{job_path(job_id)}/retry", _job, repeatable=False)


def delete(job_id: str) -> Call[None]:
    return Call("DELETE", job_path(job_id), lambda _: None, repeatable=False)


def image(job_id: str, number: int) -> Call[bytes]:
    return Call("GET", f"{job_path(job_id)}/images/{number}", lambda answer: answer.content)


def preview(job_id: str) -> Call[bytes]:
    return Call("GET", f"{job_path(job_id)}/preview", lambda answer: answer.content)


def queue() -> Call[QueueView]:
    return Call("GET", "/api/v1/queue", lambda answer: _QUEUE.validate_json(answer.content))


def models() -> Call[ModelList]:
    return Call("GET", MODELS, lambda answer: _MODELS.validate_json(answer.content))


def model(name: str) -> Call[ModelView]:
    return Call("GET", f"{MODELS}/{quote(name)}", lambda answer: _MODEL.validate_json(answer.content))


def plugins() -> Call[list[PluginView]]:
    def read(response: httpx.Response) -> list[PluginView]:
        return _PLUGINS.validate_json(response.content).plugins

    return Call("GET", "/api/v1/plugins", read)


def job_path(job_id: str) -> str:
    return f"{JOBS}/{quote(job_id, safe='')}"


def events_path(job_id: str) -> str:
    return f"{job_path(job_id)}/events"


def keyed(key: str | None) -> dict[str, str]:
    """A submission always has a key, so that it may be repeated."""
    return {"Idempotency-Key": key or uuid.uuid4().hex}


def plain(job: AnyJob) -> dict[str, Any]:
    """Without the fields that nobody set, whose defaults are the server's."""
    request = job.request.model_dump(mode="json", exclude_unset=True)
    # A server of an earlier release refuses a field that it does not know.
    left_out = {"request"} | ({"deterministic"} - job.model_fields_set)
    return {**job.model_dump(mode="json", exclude=left_out, exclude_none=True), "request": request}


def _job(response: httpx.Response) -> JobView:
    return _JOB.validate_json(response.content)
