"""What follows the commit of a result: its files are written, and its webhook is sent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from core.domain.errors import JobConflict, StorageError, UnknownJob
from core.domain.job import Delivery, Job, JobId
from core.domain.result import FileOrder
from core.ports.driven import BlobStore, Clock, ImageStore, JobStore, RunHooks, Webhooks

log = logging.getLogger("serena.jobs")

PATIENCE = timedelta(seconds=15)
"""How long one who sees to a job has it alone, and how long a disk that refused is left alone."""
FILES_GIVEN_UP = timedelta(days=1)
FIRST_PAUSE = timedelta(seconds=5)
MOST_DELIVERIES = 8
"""The last one comes ten minutes after the first."""
EVER = timedelta(days=36_500)
LONGEST_PAUSE = FIRST_PAUSE * 2**MOST_DELIVERIES
"""Nothing is put off for longer."""


class Publisher:
    """Sees to what ended jobs owe. A job is seen to by one at a time, again after a crash.

    A file that was written in the moment before a crash is found again by its bytes and not written twice; a
    webhook may arrive twice, with the same delivery id.

    :param body: what a webhook says of a job.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        blobs: BlobStore,
        files: ImageStore,
        hooks: RunHooks,
        webhooks: Webhooks,
        body: Callable[[Job], bytes],
        clock: Clock,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._files = files
        self._hooks = hooks
        self._webhooks = webhooks
        self._body = body
        self._clock = clock
        self._lock = threading.Lock()
        # What is seen to here, with the job as it was claimed last; None: not claimed yet.
        self._held: dict[JobId, Job | None] = {}

    def owing(self, job: Job) -> Job:
        """An ended job with the time until which its files are left to the one who ended it."""
        now = self._clock.now()
        return job.owe(now + PATIENCE if job.files else now)

    def write_files(self, job: Job, *, again: bool = False) -> Job:
        """Write what ``job`` owes on disk and give it with the paths. What fails is tried again later.

        :param again: somebody may have written them before.
        """
        if not job.files:
            return job
        with self._holding(job):
            self._claimed(job)
            try:
                paths = self._write_all(job, again)
            except StorageError as error:
                return self._put_off(job, error)
            except (JobConflict, UnknownJob) as error:
                log.warning("the files of job %s are left to others: %s", job.id, error)
                return job
            return self._written(job, paths)

    def see_to(self, job: Job) -> Job:
        """For a job that was found due: its files, or else the webhook."""
        with self._holding(job) as is_free:
            if not is_free:
                return job
            try:
                now = self._clock.now()
                job = self._update(job, lambda found: found.claim(now, now + PATIENCE))
            except (JobConflict, UnknownJob):
                return job  # somebody else sees to it
            self._claimed(job)
            if job.files or job.delivery is None:
                return self.write_files(job, again=True)
            return self._deliver(job, job.delivery)

    def hold(self) -> None:
        """Keep what is being seen to here from others, however long a disk or a receiver takes."""
        with self._lock:
            held = list(self._held)
        for job_id in held:
            with suppress(JobConflict, UnknownJob):
                self._hold_on(job_id)

    def hurry(self) -> None:
        """What is due later than anything can be is due now: the clock has jumped back meanwhile."""
        now = self._clock.now()
        for job in self._store.due(now + EVER):
            if job.due_at is not None and job.due_at > now + LONGEST_PAUSE:
                with suppress(UnknownJob):
                    self._store.update(job.id, lambda found: found.owe(now))

    def _write_all(self, job: Job, again: bool) -> dict[int, str]:
        paths: dict[int, str] = {}
        for order in job.files:
            self._hold_on(job.id)
            path = self._write(order, again)
            if path is None:
                log.error("a file of job %s cannot be written: its bytes are gone", job.id)
                continue
            if order.image is not None:
                paths[order.image] = path
            self._hooks.saved(job.result.receipt.run_id if job.result else "", path)
        return paths

    def _write(self, order: FileOrder, again: bool) -> str | None:
        data = self._blobs.get(order.blob)
        if data is None:
            return None
        stored = self._files.save(
            order.folder,
            order.stem,
            order.extension,
            data,
            number=order.number,
            basename=order.basename,
            replace=order.replace,
            once=again,
        )
        *folder, name = stored.path.split("/")
        stem = name.rpartition(".")[0]
        for side in order.beside:
            beside = self._blobs.get(side.blob)
            if beside is not None:
                self._files.save(folder, stem, side.extension, beside, number=False, replace=True)
        return stored.path

    def _written(self, job: Job, paths: dict[int, str]) -> Job:
        refs = [ref for order in job.files for ref in order.blobs()]
        try:
            written = self._update(job, lambda found: found.with_files(paths, self._clock.now()))
        except UnknownJob:  # it was purged meanwhile, and its bytes were let go of
            return job.with_files(paths, self._clock.now())
        for ref in refs:
            self._blobs.release(ref)
        return written

    def _put_off(self, job: Job, error: StorageError) -> Job:
        now, ended = self._clock.now(), job.finished_at
        if ended is not None and now - ended > FILES_GIVEN_UP:
            log.error("the files of job %s are given up: %s", job.id, error)
            return self._written(job, {})
        log.error("the files of job %s will be written later: %s", job.id, error)
        return self._changed(job, lambda found: found.owe(now + PATIENCE))

    def _deliver(self, job: Job, delivery: Delivery) -> Job:
        taken = self._webhooks.deliver(delivery, self._body(job))
        tried, now = replace(delivery, attempts=delivery.attempts + 1), self._clock.now()
        if not taken and tried.attempts < MOST_DELIVERIES:
            later = now + FIRST_PAUSE * 2**delivery.attempts
            return self._changed(job, lambda found: found.with_delivery(tried, later))
        if not taken:
            log.error("the webhook of job %s is given up after %d attempts", job.id, tried.attempts)
        return self._changed(job, lambda found: found.with_delivery(None, now))

    @contextmanager
    def _holding(self, job: Job) -> Iterator[bool]:
        """Whether no other thread of this process sees to the job; none will within."""
        with self._lock:
            is_free = job.id not in self._held
            if is_free:
                self._held[job.id] = None
        try:
            yield is_free
        finally:
            if is_free:
                with self._lock:
                    del self._held[job.id]

    def _claimed(self, job: Job) -> None:
        """It is left alone by others until it is due."""
        with self._lock:
            self._held[job.id] = job

    def _hold_on(self, job_id: JobId) -> None:
        """Claim it anew once half of the time is over. Raises ``JobConflict`` when others have it by now."""
        with self._lock:
            job = self._held.get(job_id)
        now = self._clock.now()
        if job is None or job.due_at is None or job.due_at - now > PATIENCE / 2:
            return
        until = job.due_at

        def longer(found: Job) -> Job:
            if found.due_at != until:
                raise JobConflict(f"job {job_id} was claimed by others")
            return found.owe(now + PATIENCE)

        claimed = self._update(job, longer)
        with self._lock:
            if self._held.get(job_id) is job:
                self._held[job_id] = claimed

    def _changed(self, job: Job, change: Callable[[Job], Job]) -> Job:
        """The job as it is stored now; one that was purged meanwhile only in the answer."""
        with suppress(UnknownJob):
            return self._update(job, change)
        return change(job)

    def _update(self, job: Job, change: Callable[[Job], Job]) -> Job:
        """Raises ``UnknownJob`` when another job has the id by now."""

        def of_this(found: Job) -> Job:
            if not found.is_same_as(job):
                raise UnknownJob(job.id)
            return change(found)

        return self._store.update(job.id, of_this)
