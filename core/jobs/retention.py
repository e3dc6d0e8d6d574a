"""Forgets what need not be kept."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from core.domain.image import BlobRef
from core.domain.job import Job
from core.jobs.rules import JobRules
from core.ports.driven import BlobStore, Clock, JobStore

GRACE_SECONDS = 3600.0
"""How long bytes that no job refers to are left alone: their job may be on its way."""
SHARE = 10
"""One part in so many of the jobs that are kept may be surplus before they are looked for."""


class Retention:
    """Keeps the store and the blobs within the rules."""

    def __init__(self, *, store: JobStore, blobs: BlobStore, clock: Clock, rules: JobRules) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._rules = rules
        self._ended = itertools.count(1)
        self._interval = max(1, (rules.keep or 1000) // SHARE)

    def one_more(self) -> None:
        """A job has ended: now and then the surplus is looked for, so that memory stays bounded."""
        if next(self._ended) % self._interval == 0:
            self.sweep()

    def sweep(self) -> None:
        """Forget the jobs that are kept no longer."""
        for job in self._store.surplus(self._rules.retention(self._clock.now())):
            self.forget(job)

    def sweep_blobs(self) -> None:
        """Remove bytes that no job refers to."""
        self._blobs.sweep(self._store.in_use, GRACE_SECONDS)

    def forget(self, job: Job) -> bool:
        """Remove an ended job and its pictures; never a later one of the same id. False: nothing was done."""
        removed = self._store.remove(job)
        if removed is None:
            return False
        self.release_result(removed)
        return True

    def release_result(self, job: Job) -> None:
        self.release(image.blob for image in (job.result.images if job.result else ()))
        self.release(ref for order in job.files for ref in order.blobs())

    def release(self, refs: Iterable[BlobRef]) -> None:
        for ref in refs:
            self._blobs.release(ref)
