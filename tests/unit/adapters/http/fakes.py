"""An application in memory: jobs end when the test says so, and nothing draws."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.application import Application
from adapters.nothing import HostMemory, NoResources
from adapters.settings import Settings
from core.domain.errors import InvalidImage, JobConflict, QueueFull, UnknownJob, UnknownModel
from core.domain.image import BlobRef
from core.domain.job import FrozenInputs, Job, JobError, JobId, JobState
from core.domain.model import ModelIdentity, ModelRef
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry, OptionSpec, OptionValue
from core.domain.progress import Progress
from core.domain.request import GenerationRequest, Kind
from core.domain.result import GenerationResult, Outcome, ResultImage, RunReceipt
from core.ports.driving import BrowseResources, ManageMemory
from core.sampling.registry import resolve

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MODEL = ModelRef(ModelIdentity("sub/demo.safetensors", "ab" * 32), "/secret/place/demo.safetensors")
PNG = b"\x89PNG\r\n\x1a\nnot looked into"


class FakeApplication:
    """The driving ports of one test.

    :ivar automatic: end each job as soon as it is submitted.
    :ivar failure: what such a job fails with.
    """

    def __init__(self) -> None:
        self.automatic = True
        self.failure: JobError | None = None
        self.refusal: Exception | None = None
        self.full = False
        self.submitted: list[GenerationRequest] = []
        self.interrupted: list[JobId | None] = []
        self.skipped: list[JobId | None] = []
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
        self.registry = OptionRegistry(OPTIONS)
        self.changed: dict[str, OptionValue] = {}
        self.info = ""
        self._blobs: dict[BlobRef, bytes] = {}
        self._jobs: dict[JobId, Job] = {}
        self._waiting: dict[JobId, Callable[[Job], None]] = {}
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
        owner: str | None = None,
        priority: int = 0,
    ) -> JobId:
        if self.refusal is not None:
            raise self.refusal
        if self.full:
            raise QueueFull(3)
        resolve(request.sampler_name, request.scheduler)
        name = JobId(job_id or f"job-{len(self._jobs)}")
        if name in self._jobs:
            raise JobConflict(f"there is a job {name!r} already")
        frozen = FrozenInputs(seed=7, subseed=8, model=MODEL.identity)
        self._jobs[name] = Job(id=name, request=request, frozen=frozen, created_at=NOW, owner=owner)
        self.submitted.append(request)
        if self.automatic:
            self.finish(name)
        return name

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
            callback = self._waiting.pop(job.id, None)
        if callback is not None:
            callback(job)

    def wait(self, job_id: JobId, timeout: float | None = None) -> Job:
        return self._jobs[job_id]

    def when_done(self, job_id: JobId, callback: Callable[[Job], None]) -> None:
        with self._lock:
            job = self._jobs[job_id]
            if not job.state.is_final:
                self._waiting[job_id] = callback
        if job.state.is_final:
            callback(job)

    def image(self, ref: BlobRef) -> bytes:
        return self._blobs[ref]

    # ControlJobs

    def jobs(self) -> Sequence[Job]:
        return list(self._jobs.values())

    def progress(self, job_id: JobId | None = None, *, preview: bool = False) -> Progress:
        self.previews.append(preview)
        return self.snapshot if preview else replace(self.snapshot, preview=None)

    def interrupt(self, job_id: JobId | None = None) -> None:
        self.interrupted.append(job_id)
        if job_id in self._jobs and not self._jobs[job_id].state.is_final:
            self._end(self._jobs[job_id].cancel(NOW))

    def skip(self, job_id: JobId | None = None) -> None:
        self.skipped.append(job_id)

    # BrowseModels

    def models(self) -> Sequence[ModelRef]:
        return (MODEL,)

    def refresh(self) -> None:
        self.refreshed += 1

    def find(self, name: str) -> ModelRef:
        if name not in (MODEL.identity.title, MODEL.identity.name, MODEL.identity.stem):
            raise UnknownModel(name, (MODEL.identity.title,))
        return MODEL

    def current(self) -> ModelRef | None:
        return MODEL

    # InspectImages, ReportHealth

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        self.put_image(data)
        return self.info, {"Software": "test"}

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
            plugins=(),
            start=lambda: self.calls.append("start"),
            close=lambda: self.calls.append("close"),
            resources=self.resources,
            memory=self.memory,
            kinds=self.kinds,
        )


class _Jobs:
    """ControlJobs apart, since its ``get`` has the name of EditOptions' ``get``."""

    def __init__(self, fake: FakeApplication) -> None:
        self._fake = fake
        self.jobs, self.progress = fake.jobs, fake.progress
        self.interrupt, self.skip = fake.interrupt, fake.skip

    def get(self, job_id: JobId) -> Job:
        if job_id not in self._fake._jobs:
            raise UnknownJob(job_id)
        return self._fake._jobs[job_id]


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
