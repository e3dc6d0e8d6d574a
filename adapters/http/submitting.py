"""Submit a job, wait for it, answer with it: what all generating routes share."""

from __future__ import annotations

import json
import secrets
import string
import unicodedata
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial
from urllib.parse import quote

from fastapi import Request, Response

from adapters.http.aside import aside
from adapters.http.errors import ErrorReply, reply_to_job
from adapters.http.pictures import Pictures, PutPicture
from adapters.http.users import caller_of
from adapters.http.waiting import ClientGoneError, job_ended
from core.domain.errors import InvalidImage, InvalidValue
from core.domain.image import BlobRef
from core.domain.job import Job, JobId
from core.domain.request import GenerationRequest, Kind
from core.domain.result import GenerationResult
from core.ports.driving import ControlJobs, GenerateImages

Build = Callable[[PutPicture], GenerationRequest]
Render = Callable[[GenerationResult], Response]

KEY_HEADER = "Idempotency-Key"
LONGEST_TASK_ID = 200
LONGEST_COMMENT = 300
LONGEST_COMMENTS = 4000
CLIENT_CLOSED = 499
_ID_LETTERS = string.ascii_uppercase + string.digits
_CANCELLED = "the job was cancelled before it drew"
CANCELLED = ErrorReply(409, "Interrupted", _CANCELLED, _CANCELLED)


class Submitter:
    """The generating ports, as routes use them.

    :param kinds: what can be drawn here; another kind is answered with 501.
    :param detached: jobs run on although the client that waits for them goes away.
    """

    def __init__(
        self,
        images: GenerateImages,
        jobs: ControlJobs,
        pictures: Pictures,
        kinds: frozenset[Kind],
        *,
        detached: bool = False,
    ) -> None:
        self._images = images
        self._jobs = jobs
        self._pictures = pictures
        self._kinds = kinds
        self._detached = detached

    def _put(self, value: object, field: str) -> BlobRef:
        try:
            return self._images.put_image(self._pictures.decode(value, field))
        except InvalidImage as error:
            raise InvalidImage(str(error) if field in str(error) else f"{field}: {error}") from None

    def picture(self, ref: BlobRef) -> bytes:
        return self._images.image(ref)

    async def answer(
        self,
        request: Request,
        kind: Kind,
        build: Build,
        render: Render,
        task: str | None = None,
    ) -> Response:
        """Run the job of ``build`` to its end and answer with ``render``; both run outside of the loop.

        A request that can be asked for again, by its key or its id, is not given up when its client goes.
        """
        if kind not in self._kinds:
            return not_offered(kind).response()
        headers: dict[str, str] = {}
        try:
            submit = partial(self._submit, request, build, task, headers)
            job = await job_ended(self._images, self._jobs, request, submit)
        except ClientGoneError:
            return Response(status_code=CLIENT_CLOSED)
        return await aside(lambda: _rendered(job, render, headers))

    def _submit(
        self, request: Request, build: Build, task: str | None, headers: MutableMapping[str, str]
    ) -> JobId:
        """Tells in ``headers`` what is known of the job by now."""
        chosen, key = chosen_id(task), request.headers.get(KEY_HEADER)
        wanted = self._built(build)
        job_id = self._images.submit(
            wanted,
            job_id=chosen or new_id(wanted.kind),
            caller=caller_of(request),
            key=key,
            detached=self._detached or chosen is not None or key is not None,
        )
        headers["X-Job-Id"] = quote(job_id, safe="()")
        ahead = self._jobs.ahead(job_id)
        if ahead is not None:
            headers["X-Queue-Position"] = str(ahead)
        return job_id

    def _built(self, build: Build) -> GenerationRequest:
        """The request, or its error and no picture kept for it."""
        kept: list[BlobRef] = []

        def put(value: object, field: str) -> BlobRef:
            kept.append(self._put(value, field))
            return kept[-1]

        try:
            return build(put)
        except BaseException:
            for ref in kept:
                self._images.drop_image(ref)
            raise


def not_offered(kind: Kind) -> ErrorReply:
    text = f"nothing that is installed here serves {kind.value}"
    return ErrorReply(501, "NotOffered", text, text)


def _rendered(job: Job, render: Render, headers: Mapping[str, str]) -> Response:
    if job.error is not None:
        response: Response = reply_to_job(job.error).response()
    else:
        response = CANCELLED.response() if job.result is None else render(job.result)
    for name, value in {**headers, **timings(job)}.items():
        response.raw_headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
    return response


def chosen_id(task: str | None) -> str | None:
    """The id that the client chose, if it did."""
    if task and len(task) > LONGEST_TASK_ID:
        raise InvalidValue("force_task_id", task, f"at most {LONGEST_TASK_ID} characters may be used")
    if task and (task in (".", "..") or "/" in task or any(unicodedata.category(c) == "Cc" for c in task)):
        # No URL would lead to such a job.
        raise InvalidValue("force_task_id", task, "a slash, control characters and dots alone cannot be used")
    return task or None


def new_id(kind: Kind) -> str:
    """An id of the reference's form."""
    return f"task({kind.value}-{''.join(secrets.choice(_ID_LETTERS) for _ in range(7))})"


def timings(job: Job) -> dict[str, str]:
    """Seconds in the queue and in each stage, as headers: the bodies have the reference's keys only."""
    headers: dict[str, str] = {}
    if job.started_at is not None:
        headers["X-Queue-Time"] = f"{(job.started_at - job.created_at).total_seconds():.4f}"
    if job.result is not None:
        for stage in ("prepare", "execute", "finalize"):
            headers[f"X-{stage.title()}-Time"] = f"{getattr(job.result.receipt, stage):.4f}"
        if job.result.comments:
            headers["X-Serena-Comments"] = comments_header(job.result.comments)
    return headers


def comments_header(comments: Sequence[str]) -> str:
    """As a JSON list in ASCII, which is what a header may hold; the last are left out of one too long."""
    kept = [comment[:LONGEST_COMMENT] for comment in comments]
    while len(text := json.dumps(kept)) > LONGEST_COMMENTS:
        kept.pop()
    return text
