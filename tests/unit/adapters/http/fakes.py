"""An application in memory: jobs end when the test says so, and nothing draws."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.application import Application
from adapters.nothing import HostMemory, NoResources
from adapters.settings import Settings
from core.domain.errors import (
    ExpiredJob,
    InvalidImage,
    InvalidValue,
    JobConflict,
    KeyReused,
    QueueFull,
    UnknownJob,
    UnknownModel,
)
from core.domain.image import BlobRef
from core.domain.job import (
    ANYBODY,
    EVERY_JOB,
    Caller,
    Delivery,
    FrozenInputs,
    Job,
    JobError,
    JobFilter,
    JobId,
    JobState,
)
from core.domain.model import ModelIdentity, ModelRef
from core.domain.model_report import ModelProblem, ModelReport
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry, OptionSpec, OptionValue
from core.domain.progress import Progress
from core.domain.request import GenerationRequest, Kind
from core.domain.result import GenerationResult, Outcome, ResultImage, RunReceipt
from core.jobs.outage import Hear, Outage
from core.ports.driving import BrowseResources, ManageMemory, PictureFacts, QueueState
from core.sampling.registry import resolve
from plugins.counting import HookCount
from plugins.report import PluginReport

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = ModelRef(ModelIdentity("sub/demo.safetensors", "ab" * 32), "/secret/place/demo.safetensors")
REPORT = ModelReport(
    path=MODEL.identity.name,
    layout="single file",
    family="Stable Diffusion 1.x",
    prediction="epsilon",
    channels=4,
    precision=("F16", "F32"),
    tensors=3,
    bytes=99,
    missing=("vae",),
)
PNG = b"\x89PNG\r\n\x1a\nnot looked into"


class FakeApplication:
    """The driving ports of one test.

    :ivar automatic: end each job as soon as it is submitted.
    :ivar waiting_elsewhere: jobs that wait besides those of the test.
    :ivar failure: what such a job fails with.
    :ivar callers: who asked for a job without naming one.
    """

    def __init__(self) -> None:
        self.automatic = True
        self.failure: JobError | None = None
        self.refusal: Exception | None = None
        self.full = False
        self.room: int | None = None
        self.draining = False
        self.outage = Outage()
        self.waiting_elsewhere = 0
        self.expired: dict[JobId, str | None] = {}
        self.submitted: list[GenerationRequest] = []
        self.interrupted: list[JobId | None] = []
        self.skipped: list[JobId | None] = []
        self.callers: list[Caller] = []
        self.snapshot = Progress()
        self.previews: list[bool] = []
        self.ready_answer = (True, "ready")
        self.refreshed = 0
        self.calls: list[str] = []
        self.dropped: list[BlobRef] = []
        self.more_info: dict[str, Any] = {}
        self.kinds = frozenset((Kind.TXT2IMG, Kind.IMG2IMG))
        self.resources: BrowseResources = NoResources()
        self.memory: ManageMemory = HostMemory()
        self.plugins: list[PluginReport] = []
        self.hook_counts: list[HookCount] = []
        self.registry = OptionRegistry(OPTIONS)
        self.changed: dict[str, OptionValue] = {}
        self.info = ""
        self.facts: dict[bytes, PictureFacts] = {}
        self._blobs: dict[BlobRef, bytes] = {}
        self._jobs: dict[JobId, Job] = {}
        self._waiting: dict[JobId, list[Callable[[Job], None]]] = {}
        self._lock = threading.Lock()

    # GenerateImages

    def put_image(self, data: bytes) -> BlobRef:
        if not data.startswith(b"\x89PNG"):
            raise InvalidImage("these bytes are no picture that is read")
        return self._keep(data)

    def _keep(self, data: bytes) -> BlobRef:
        ref = BlobRef(hashlib.sha256(data).hexdigest())
        self._blobs[ref] = data
        return ref

    def drop_image(self, ref: BlobRef) -> None:
        self.dropped.append(ref)

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
        if self.refusal is not None:
            raise self.refusal
        if self.full or len(self._jobs) == self.room:
            raise QueueFull(3)
        self.check(request, webhook=webhook)
        if (earlier := self._of_key(caller, key)) is not None:
            if earlier.request != request:
                raise KeyReused(key or "")
            return earlier.id
        name = JobId(job_id or f"job-{len(self._jobs)}")
        if name in self._jobs:
            raise JobConflict(f"there is a job {name!r} already")
        self._jobs[name] = Job(
            id=name,
            request=request,
            frozen=FrozenInputs(seed=7, subseed=8, model=MODEL.identity),
            created_at=NOW,
            owner=caller.owner,
            client=caller.client,
            priority=priority,
            key=key,
            detached=detached,
            delivery=Delivery(id="d", url=webhook) if webhook else None,
        )
        self.submitted.append(request)
        if self.automatic:
            self.finish(name)
        return name

    def check(
        self,
        request: GenerationRequest,
        *,
        caller: Caller = ANYBODY,
        key: str | None = None,
        webhook: str | None = None,
    ) -> None:
        resolve(request.sampler_name, request.scheduler)
        if webhook is not None and not webhook.startswith("https://allowed"):
            raise InvalidValue("webhook", webhook, "its host must be among jobs.webhook_hosts")

    def _of_key(self, caller: Caller, key: str | None) -> Job | None:
        same = (job for job in self._jobs.values() if key and (job.owner, job.key) == (caller.owner, key))
        return next(same, None)

    def finish(self, job_id: JobId) -> None:
        """End a job: with pictures, or with ``failure``."""
        job = self._jobs[job_id]
        job = job if job.state is JobState.RUNNING else job.start(NOW + timedelta(seconds=2))
        if self.failure is not None:
            self._end(job.fail(self.failure, NOW))
        else:
            self._end(job.succeed(self._result(job), NOW + timedelta(seconds=5)))

    def _result(self, job: Job) -> GenerationResult:
        picture = ResultImage(
            blob=self._keep(PNG), format="png", width=8, height=8, seed=7, subseed=8, infotext="a cat"
        )
        receipt = RunReceipt(
            run_id="r", job_id=job.id, backend="fake", started_at=NOW, finished_at=NOW,
            prepare=0.25, execute=1.5, finalize=0.125, outcome=Outcome.SUCCEEDED,
        )  # fmt: skip
        count = job.request.batch_size * job.request.n_iter
        info = {"seed": 7, "infotexts": ["a cat"], "odd": object(), **self.more_info}
        return GenerationResult(images=(picture,) * count, info=info, receipt=receipt)

    def begin(self, job_id: JobId) -> None:
        """Let a job run, and not end."""
        self._jobs[job_id] = self._jobs[job_id].start(NOW)

    def _end(self, job: Job) -> None:
        with self._lock:
            self._jobs[job.id] = job
            callbacks = self._waiting.pop(job.id, [])
        for callback in callbacks:
            callback(job)

    def wait(self, job_id: JobId, timeout: float | None = None) -> Job:
        return self._jobs[job_id]

    def when_done(self, job_id: JobId, callback: Callable[[Job], None]) -> Callable[[], None]:
        with self._lock:
            if job_id not in self._jobs:
                raise UnknownJob(job_id)
            job = self._jobs[job_id]
            waiting = self._waiting.setdefault(job_id, [])
            if not job.state.is_final:
                waiting.append(callback)
        if job.state.is_final:
            callback(job)
        return lambda: waiting.remove(callback) if callback in waiting else None

    def image(self, ref: BlobRef) -> bytes:
        if ref not in self._blobs:
            raise UnknownJob(ref)
        return self._blobs[ref]

    def waiters(self, job_id: JobId) -> int:
        return len(self._waiting.get(job_id, ()))

    def lose(self, job_id: JobId) -> None:
        """Forget a job in whatever state it is."""
        del self._jobs[job_id]

    def forget_pictures(self) -> None:
        self._blobs.clear()

    # ControlJobs

    def jobs(self, which: JobFilter = EVERY_JOB) -> Sequence[Job]:
        found = [job for job in reversed(self._jobs.values()) if _passes(which, job)]
        if which.after is not None:
            names = [job.id for job in found]
            found = found[names.index(which.after) + 1 :] if which.after in names else []
        return found[: which.limit]

    def running(self, caller: Caller = ANYBODY) -> Job | None:
        self.callers.append(caller)
        return self._running(caller)

    def _running(self, caller: Caller) -> Job | None:
        running = [job for job in self._jobs.values() if job.state is JobState.RUNNING]
        mine = (job for job in running if caller.owner is None or job.owner == caller.owner)
        return next(mine, None)

    def progress(
        self, job_id: JobId | None = None, *, caller: Caller = ANYBODY, preview: bool = False
    ) -> Progress:
        self.previews.append(preview)
        if job_id is None:
            self.callers.append(caller)
        if job_id is None and caller.owner is not None and self._running(caller) is None:
            return Progress()
        if job_id is not None and job_id not in self._jobs:
            raise UnknownJob(job_id)
        now = self.snapshot if preview else replace(self.snapshot, preview=None)
        job = self._jobs.get(job_id) if job_id is not None else None
        if job is not None and (now.state is None or job.state.is_final):
            now = replace(now, job_id=job.id, state=job.state)
        return now

    def interrupt(self, job_id: JobId | None = None, *, caller: Caller = ANYBODY) -> None:
        if job_id is None:
            self.callers.append(caller)
        if job_id is None and caller.owner is not None:
            mine = self._running(caller)
            if mine is None:
                return
            job_id = mine.id
        self.interrupted.append(job_id)
        if job_id in self._jobs and not self._jobs[job_id].state.is_final:
            self._end(self._jobs[job_id].cancel(NOW))

    def skip(self, job_id: JobId | None = None, *, caller: Caller = ANYBODY) -> None:
        if job_id is None:
            self.callers.append(caller)
        if job_id is None and caller.owner is not None:
            mine = self._running(caller)
            if mine is None:
                return
            job_id = mine.id
        self.skipped.append(job_id)

    def abandon(self, job_id: JobId) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            raise UnknownJob(job_id)
        if not job.detached:
            self.interrupt(job_id)

    def retry(self, job_id: JobId) -> JobId:
        job = self._jobs[job_id]
        if not job.state.is_final:
            raise JobConflict(f"job {job_id} is {job.state}; it has not ended")
        return self.submit(job.request, caller=Caller(owner=job.owner, client=job.client), detached=True)

    def purge(self, job_id: JobId) -> None:
        if not self._jobs[job_id].state.is_final:
            raise JobConflict(f"job {job_id} has not ended")
        self.expired[job_id] = self._jobs.pop(job_id).owner

    def queue(self) -> QueueState:
        counts = Counter(job.state for job in self._jobs.values())
        counts[JobState.QUEUED] += self.waiting_elsewhere
        return QueueState(counts=counts, limit=3, draining=self.draining, outage=self.outage.reason)

    def ahead(self, job_id: JobId) -> int | None:
        return self.waiting_elsewhere if self.waiting_elsewhere <= 1000 else None

    def when_unable(self, callback: Hear) -> Callable[[], None]:
        return self.outage.listen(callback)

    def drain(self, seconds: float) -> None:
        self.draining, until = True, time.monotonic() + seconds
        while time.monotonic() < until and not all(job.state.is_final for job in self._jobs.values()):
            time.sleep(0.01)

    # BrowseModels

    def models(self) -> Sequence[ModelRef]:
        return (MODEL,)

    def refresh(self) -> None:
        self.refreshed += 1

    def find(self, name: str) -> ModelRef:
        if name not in (MODEL.identity.title, MODEL.identity.name, MODEL.identity.stem):
            raise UnknownModel(name, (MODEL.identity.title,))
        return MODEL

    def report(self, model: ModelRef) -> ModelReport:
        return REPORT

    def problems(self) -> Sequence[ModelProblem]:
        return (ModelProblem("old.ckpt", "it is a pickle"),)

    def current(self) -> ModelRef | None:
        return MODEL

    # InspectImages, ReportHealth

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        self.put_image(data)
        return self.info, {"Software": "test"}

    def look(self, data: bytes) -> PictureFacts:
        if data in self.facts:
            return self.facts[data]
        self.put_image(data)
        return PictureFacts(size=(8, 8), transparent=False)

    def ready(self) -> tuple[bool, str]:
        return self.ready_answer

    def application(self, **settings: Any) -> Application:
        return Application(
            settings=Settings(**settings),
            images=self,
            jobs=_Jobs(self),
            models=self,
            options=_Options(self),
            inspect=self,
            health=self,
            backend="fake",
            plugins=self.plugins,
            plugin_calls=lambda: self.hook_counts,
            start=lambda: self.calls.append("start"),
            close=lambda: self.calls.append("close"),
            drain=self.drain,
            resources=self.resources,
            memory=self.memory,
            kinds=self.kinds,
        )


class _Jobs:
    """ControlJobs apart, since its ``get`` has the name of EditOptions' ``get``."""

    def __init__(self, fake: FakeApplication) -> None:
        self._fake = fake
        self.jobs, self.progress = fake.jobs, fake.progress
        self.interrupt, self.skip, self.abandon = fake.interrupt, fake.skip, fake.abandon
        self.retry, self.purge, self.queue = fake.retry, fake.purge, fake.queue
        self.running, self.when_unable, self.ahead = fake.running, fake.when_unable, fake.ahead

    def get(self, job_id: JobId) -> Job:
        if job_id in self._fake.expired:
            raise ExpiredJob(job_id, self._fake.expired[job_id])
        if job_id not in self._fake._jobs:
            raise UnknownJob(job_id)
        return self._fake._jobs[job_id]


def _passes(which: JobFilter, job: Job) -> bool:
    return (
        which.owner in (None, job.owner)
        and which.client in (None, job.client)
        and (which.states is None or job.state in which.states)
    )


class _Options:
    def __init__(self, fake: FakeApplication) -> None:
        self._fake = fake

    def get(self) -> Mapping[str, OptionValue]:
        return self._fake.registry.values(self._fake.changed)

    def set(self, changes: Mapping[str, OptionValue]) -> None:
        if (model := changes.get("sd_model_checkpoint")) is not None:
            self._fake.find(model)
        accepted = self._fake.registry.accept(changes)
        free = {name for name in accepted if not self._fake.registry.spec(name).restricted}
        self._fake.changed.update({name: accepted[name] for name in free})

    def specs(self) -> Sequence[OptionSpec]:
        return tuple(self._fake.registry)


def running(**values: Any) -> Progress:
    """A snapshot of a job that runs."""
    return Progress(state=JobState.RUNNING, job_id=JobId("j"), kind="txt2img", **values)
