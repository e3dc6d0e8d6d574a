"""The service that every door submits to."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable

from core.domain.errors import (
    InvalidImage,
    InvalidValue,
    JobConflict,
    KeyReused,
    NotReady,
    SerenaError,
    UnknownJob,
    revive,
)
from core.domain.image import BlobRef
from core.domain.job import ANYBODY, Caller, Delivery, Job, JobId
from core.domain.request import GenerationRequest
from core.domain.serial import to_plain
from core.jobs.acceptance import Acceptance
from core.jobs.control import JobControl, JobTools
from core.jobs.waiters import tell
from core.ports.driven import Webhooks

LONGEST_KEY = 200


class JobService(JobControl):
    """``GenerateImages`` and ``ControlJobs`` over a store."""

    def __init__(
        self, tools: JobTools, *, acceptance: Acceptance, webhooks: Webhooks, new_id: Callable[[], str]
    ) -> None:
        super().__init__(tools)
        self._acceptance = acceptance
        self._webhooks = webhooks
        self._new_id = new_id

    def put_image(self, data: bytes) -> BlobRef:
        if not data:
            raise InvalidImage("the picture is empty; send the bytes of a PNG, JPEG or WebP file")
        self._tools.codec.decode(data)
        return self._tools.blobs.put(data)

    def drop_image(self, ref: BlobRef) -> None:
        self._tools.blobs.release(ref)

    def submit(
        self,
        request: GenerationRequest,
        *,
        job_id: str | None = None,
        caller: Caller = ANYBODY,
        priority: int = 0,
        key: str | None = None,
        detached: bool = False,
        webhook: str | None = None,
    ) -> JobId:
        digest = digest_of(request) if key is not None else ""

        def new() -> Job:
            return Job(
                id=JobId(job_id or self._new_id()),
                request=request,
                frozen=self._acceptance.freeze(request),
                created_at=self._tools.clock.now(),
                owner=caller.owner,
                client=caller.client,
                priority=priority,
                key=key,
                digest=digest,
                input_size=self._size_of(request),
                detached=detached,
                delivery=self._delivery(webhook),
            )

        _check_key(key)
        return self._put(request, new, lambda: self._repeated(caller, key, digest))

    def check(
        self,
        request: GenerationRequest,
        *,
        caller: Caller = ANYBODY,
        key: str | None = None,
        webhook: str | None = None,
    ) -> None:
        if key is None or self._repeated(caller, key, digest_of(request)) is None:
            self._acceptance.freeze(request)
            self._delivery(webhook)

    def retry(self, job_id: JobId) -> JobId:
        job = self.get(job_id)
        if not job.state.is_final:
            raise JobConflict(f"job {job_id} is {job.state}; only a job that has ended can be tried again")
        self._take_again(job.request)

        def new() -> Job:
            return Job(
                id=JobId(self._new_id()),
                request=job.request,
                frozen=job.frozen,
                created_at=self._tools.clock.now(),
                owner=job.owner,
                client=job.client,
                priority=job.priority,
                input_size=self._size_of(job.request),
                detached=True,
            )

        return self._put(job.request, new)

    def wait(self, job_id: JobId, timeout: float | None = None) -> Job:
        done, told = threading.Event(), list[Job]()

        def hear(job: Job) -> None:
            told.append(job)
            done.set()

        forget = self.when_done(job_id, hear)
        if not done.wait(timeout):
            forget()
            raise TimeoutError(f"job {job_id} has not ended within {timeout} seconds")
        job = told[0]
        if job.error is not None:
            raise revive(job.error.kind, job.error.message)
        return job

    def when_done(self, job_id: JobId, callback: Callable[[Job], None]) -> Callable[[], None]:
        waiters = self._tools.waiters
        # First in the list, then a look: so that an end in between is not missed.
        waiters.add(job_id, callback)

        def forget() -> None:
            waiters.discard(job_id, callback)

        try:
            job = self.get(job_id)
        except BaseException:
            forget()
            raise
        if job.state.is_final and waiters.discard_unmarked(job_id, callback):
            tell(job, [callback])
        return forget

    def image(self, ref: BlobRef) -> bytes:
        data = self._tools.blobs.get(ref)
        if data is None:
            raise UnknownJob(ref)
        return data

    def _put(
        self,
        request: GenerationRequest,
        new: Callable[[], Job],
        repeated: Callable[[], Job | None] = lambda: None,
    ) -> JobId:
        """Queue a new job. Its pictures are let go of unless it is queued.

        :param repeated: the job that the same request led to before.
        """
        try:
            # Asked first: a repeat is answered even while the server stops or refuses such requests.
            found = repeated()
            kept, is_new = (found, False) if found is not None else self._queued(new)
        except BaseException as error:
            self._tools.retention.release(request.blobs())
            if isinstance(error, SerenaError):
                self._tools.news.rejected(error)
            raise
        if is_new:
            self._tools.news.accepted(kept)
        else:
            self._tools.retention.release(request.blobs())
        return kept.id

    def _queued(self, new: Callable[[], Job]) -> tuple[Job, bool]:
        """The job, and whether it is new: the same request may come twice at once, under one key."""
        if self._draining:
            raise NotReady("Serena is stopping; it takes no more jobs")
        job, limits, earlier = new(), self._tools.rules.limits, None
        try:
            kept = self._store.put(job, limits)
        except JobConflict:
            earlier = self._replaceable(job)
            if earlier is None:
                raise
            kept = self._store.put(job, limits, earlier)
        is_new = kept == job
        if is_new and earlier is not None:
            self._tools.retention.release_result(earlier)
        return kept, is_new

    def _repeated(self, caller: Caller, key: str | None, digest: str) -> Job | None:
        found = None if key is None else self._store.of_key(caller.owner, key)
        if key is not None and found is not None and found.digest != digest:
            raise KeyReused(key)
        return found

    def _replaceable(self, job: Job) -> Job | None:
        """An id that the caller chose may be used again, by the same owner, once its job has ended."""
        earlier = self._store.get(job.id)
        if earlier is None or earlier.owner != job.owner or not earlier.state.is_final:
            return None
        is_free = earlier.due_at is None and not self._tools.waiters.is_marked(job.id)
        return earlier if is_free else None

    def _take_again(self, request: GenerationRequest) -> None:
        """Hold the pictures of a request once more. Raises ``InvalidImage`` when one is not kept."""
        held: list[BlobRef] = []
        for ref in request.blobs():
            data = self._tools.blobs.get(ref)
            if data is None:
                self._tools.retention.release(held)
                raise InvalidImage("the pictures of this job are no longer kept; send them again")
            held.append(self._tools.blobs.put(data))

    def _size_of(self, request: GenerationRequest) -> int:
        """Bytes that it holds while it waits, and afterwards for a retry."""
        return len(canonical(request)) + sum(self._tools.blobs.size(ref) for ref in request.blobs())

    def _delivery(self, url: str | None) -> Delivery | None:
        if url is None:
            return None
        if not self._webhooks.allowed(url):
            raise InvalidValue("webhook", url, "this server does not call it; see jobs.webhook_hosts")
        return Delivery(id=self._new_id(), url=url)


def digest_of(request: GenerationRequest) -> str:
    """Equal for equal requests only."""
    return hashlib.sha256(canonical(request).encode("utf-8", "surrogatepass")).hexdigest()


def canonical(request: GenerationRequest) -> str:
    """The request as text; equal requests have the same."""
    return json.dumps(to_plain(request), sort_keys=True, separators=(",", ":"))


def _check_key(key: str | None) -> None:
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isprintable()):
        raise InvalidValue("Idempotency-Key", key, f"it must be 1 to {LONGEST_KEY} printable characters")
