"""The service that every door submits to."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from core.domain.errors import InvalidImage, JobConflict, NotReady, QueueFull, UnknownJob, revive
from core.domain.image import BlobRef, ImageFormat
from core.domain.job import Job, JobId, JobState
from core.domain.progress import Progress
from core.domain.request import GenerationRequest
from core.jobs.acceptance import Acceptance
from core.jobs.live import LiveJobs, LiveRun
from core.ports.driven import BlobStore, Clock, ImageCodec, JobStore

log = logging.getLogger("serena.jobs")


class JobService:
    """``GenerateImages`` and ``ControlJobs`` over a store. Keeps the last ``keep`` ended jobs."""

    def __init__(
        self,
        *,
        store: JobStore,
        blobs: BlobStore,
        codec: ImageCodec,
        acceptance: Acceptance,
        live: LiveJobs,
        clock: Clock,
        new_id: Callable[[], str],
        preview_format: Callable[[], ImageFormat | None],
        max_queued: int = 1000,
        keep: int = 100,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._codec = codec
        self._acceptance = acceptance
        self._live = live
        self._clock = clock
        self._new_id = new_id
        self._preview_format = preview_format
        self._max_queued = max_queued
        self._keep = keep
        # Jobs that ended and were seen off, oldest first; keys only.
        self._ended: dict[JobId, None] = dict.fromkeys(job.id for job in store.all() if job.state.is_final)
        self._dropped: dict[JobId, None] = dict.fromkeys(job.id for job in store.all() if job.state.is_final)
        self._closed = False
        self._lock = threading.Lock()

    def put_image(self, data: bytes) -> BlobRef:
        if not data:
            raise InvalidImage("the picture is empty; send the bytes of a PNG, JPEG or WebP file")
        self._codec.decode(data)
        return self._blobs.put(data)

    def drop_image(self, ref: BlobRef) -> None:
        self._release((ref,))

    def submit(
        self,
        request: GenerationRequest,
        *,
        job_id: str | None = None,
        owner: str | None = None,
        priority: int = 0,
    ) -> JobId:
        try:
            if self._closed:
                raise NotReady("Serena is stopping; it takes no more jobs")
            job = Job(
                id=JobId(job_id or self._new_id()),
                request=request,
                frozen=self._acceptance.freeze(request),
                created_at=self._clock.now(),
                owner=owner,
                priority=priority,
            )
            if self._store.count_queued() >= self._max_queued:
                raise QueueFull(self._max_queued)
            if job_id is not None:
                self._make_room_for(job.id, owner)
            self._store.put(job)
        except BaseException:
            self._release(request.blobs())
            raise
        return job.id

    def close(self) -> None:
        """Take no more jobs, and stop those there are with the pictures that exist."""
        self._closed = True
        for job in self._store.all():
            if not job.state.is_final:
                with contextlib.suppress(UnknownJob):
                    self.interrupt(job.id)

    def wait(self, job_id: JobId, timeout: float | None = None) -> Job:
        done, told = threading.Event(), list[Job]()

        def hear(job: Job) -> None:
            told.append(job)
            done.set()

        self.when_done(job_id, hear)
        if not done.wait(timeout):
            raise TimeoutError(f"job {job_id} has not ended within {timeout} seconds")
        job = told[0]
        if job.error is not None:
            raise revive(job.error.kind, job.error.message)
        return job

    def when_done(self, job_id: JobId, callback: Callable[[Job], None]) -> None:
        with self._lock:
            job = self.get(job_id)
            if not job.state.is_final:
                self._live.add_callback(job_id, callback)
                return
        _tell(job, [callback])

    def image(self, ref: BlobRef) -> bytes:
        data = self._blobs.get(ref)
        if data is None:
            raise UnknownJob(ref)
        return data

    def get(self, job_id: JobId) -> Job:
        job = self._store.get(job_id)
        if job is None:
            raise UnknownJob(job_id)
        return job

    def jobs(self) -> Sequence[Job]:
        return self._store.all()

    def progress(self, job_id: JobId | None = None, *, preview: bool = False) -> Progress:
        run = self._live.oldest() if job_id is None else self._live.get(job_id)
        if run is not None:
            return replace(run.progress(), preview=self._encoded_preview(run) if preview else None)
        if job_id is None:
            return replace(self._live.last, state=None, stage="", label="")
        return self._at_rest(self.get(job_id))

    def interrupt(self, job_id: JobId | None = None) -> None:
        if job_id is None:
            run = self._live.oldest()
            if run is not None:
                run.token.interrupt()
        elif not self._cancel_queued(job_id) and not self.get(job_id).state.is_final:
            self._live.interrupt(job_id)
            job = self._store.get(job_id)
            if job is None or job.state.is_final:  # it ended meanwhile: a later job may have its id
                self._live.spare(job_id)

    def skip(self, job_id: JobId | None = None) -> None:
        run = self._live.oldest() if job_id is None else self._live.get(job_id)
        if run is not None:
            run.token.skip()

    def ended(self, job: Job) -> None:
        """For the loop and for cancels: tell those who wait, and forget the oldest ended jobs."""
        self._release(job.request.blobs())
        with self._lock:
            # Taken before the id may be used again, so that nobody hears of an earlier job of that id.
            callbacks = self._live.take_callbacks(job.id)
            # Jobs that never ran do not push out those whose pictures somebody may be about to fetch.
            ended = self._ended if job.started_at is not None else self._dropped
            ended[job.id] = None
            surplus = list(ended)[: -self._keep]
            for job_id in surplus:
                del ended[job_id]
        _tell(job, callbacks)
        for job_id in surplus:
            self._forget(job_id)

    def _make_room_for(self, job_id: JobId, owner: str | None) -> None:
        """An id that the caller chose may be used again, by the same owner, once its job has ended."""
        earlier = self._store.get(job_id)
        if earlier is None or earlier.owner != owner:
            return
        with self._lock:
            has_ended = job_id in self._ended or job_id in self._dropped
            self._ended.pop(job_id, None)
            self._dropped.pop(job_id, None)
        if has_ended:
            self._forget(job_id)

    def _cancel_queued(self, job_id: JobId) -> bool:
        """True if the job was still queued and is cancelled now; a job that ended or runs is left alone."""
        with contextlib.suppress(JobConflict):
            self.ended(self._store.update(job_id, self._cancelled_if_queued))
            return True
        return False

    def _cancelled_if_queued(self, job: Job) -> Job:
        if job.state is not JobState.QUEUED:
            raise JobConflict(f"job {job.id} is {job.state}, no longer queued")
        return job.cancel(self._clock.now())

    def _at_rest(self, job: Job) -> Progress:
        done = job.state is JobState.SUCCEEDED
        return Progress(
            job_id=job.id,
            kind=job.request.kind.value,
            state=job.state,
            fraction=1.0 if done else 0.0,
            position=self._store.position(job.id),
            started_at=job.started_at,
        )

    def _encoded_preview(self, run: LiveRun) -> bytes | None:
        wanted = self._preview_format()
        image = run.preview() if wanted is not None else None
        return None if wanted is None or image is None else self._codec.encode(image, wanted, None)

    def _forget(self, job_id: JobId) -> None:
        job = self._store.get(job_id)
        self._store.remove(job_id)
        if job is not None and job.result is not None:
            self._release(tuple(image.blob for image in job.result.images))

    def _release(self, refs: Sequence[BlobRef]) -> None:
        for ref in refs:
            self._blobs.release(ref)


def _tell(job: Job, callbacks: Sequence[Callable[[Job], None]]) -> None:
    for callback in callbacks:
        try:
            callback(job)
        except Exception:
            log.exception("somebody who waited for job %s could not be told", job.id)
