"""A host and an application without a backend: a job ends when it has been looked at a few times."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

from PIL import Image

from adapters.application import Application, BackendSummary, Finding
from adapters.cli.file_progress import MIB
from adapters.nothing import NoResources
from adapters.settings import Settings
from core.domain.errors import (
    InvalidImage,
    InvalidValue,
    SerenaError,
    UnknownJob,
    UnknownModel,
    UnknownSampler,
)
from core.domain.image import BlobRef
from core.domain.job import (
    ANYBODY,
    EVERY_JOB,
    Caller,
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
from core.domain.options import OptionSpec, OptionValue
from core.domain.progress import Progress
from core.domain.request import GenerationRequest
from core.domain.resources import ScriptArg, ScriptInfo
from core.domain.result import GenerationResult, Outcome, ResultImage, RunReceipt
from core.ports.driving import PictureFacts, QueueState
from plugins.report import PluginReport

NOW = datetime(2026, 1, 2, 3, 4, 5)
MODEL = ModelRef(ModelIdentity("tiny", "ab" * 32), "/models/tiny")
REPORT = ModelReport(
    path="tiny", layout="folder", family="Stable Diffusion 1.x", precision=("F16",), channels=4
)
LOOKS = 4


def png(width: int = 8, height: int = 8) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class FakeService:
    """Jobs, images, models and options in one."""

    job_error: SerenaError | None = None
    ctrl_c_after: int | None = None
    requests: list[GenerationRequest] = field(default_factory=list)
    blobs: dict[BlobRef, bytes] = field(default_factory=dict)
    looks: int = 0
    interrupted: list[JobId] = field(default_factory=list)
    dropped: list[BlobRef] = field(default_factory=list)
    changes: dict[str, OptionValue] = field(default_factory=dict)
    _jobs: dict[JobId, Job] = field(default_factory=dict)
    _errors: dict[JobId, SerenaError] = field(default_factory=dict)
    _callbacks: dict[JobId, list[Callable[[Job], None]]] = field(default_factory=dict)

    # GenerateImages

    def drop_image(self, ref: BlobRef) -> None:
        self.dropped.append(ref)

    def put_image(self, data: bytes) -> BlobRef:
        if not data.startswith(b"\x89PNG"):
            raise InvalidImage("this is no picture")
        return self._keep(data)

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
        self._check(request)
        self.requests.append(request)
        key = JobId(job_id or f"job-{len(self.requests)}")
        frozen = FrozenInputs(seed=max(0, request.seed), subseed=0, model=MODEL.identity)
        self._jobs[key] = Job(id=key, request=request, frozen=frozen, created_at=NOW).start(NOW)
        return key

    def wait(self, job_id: JobId, timeout: float | None = None) -> Job:
        if self.ctrl_c_after is not None and not self.interrupted:
            raise KeyboardInterrupt
        self._end(job_id)
        if job_id in self._errors:
            raise self._errors[job_id]
        return self._jobs[job_id]

    def check(
        self,
        request: GenerationRequest,
        *,
        caller: Caller = ANYBODY,
        key: str | None = None,
        webhook: str | None = None,
    ) -> None:
        self._check(request)

    def when_done(self, job_id: JobId, callback: Callable[[Job], None]) -> Callable[[], None]:
        job = self._jobs[job_id]
        waiting = self._callbacks.setdefault(job_id, [])
        if job.state.is_final:
            callback(job)
        else:
            waiting.append(callback)
        return lambda: waiting.remove(callback)

    def image(self, ref: BlobRef) -> bytes:
        return self.blobs[ref]

    # ControlJobs

    def get(self, job_id: JobId) -> Job:
        if job_id not in self._jobs:
            raise UnknownJob(job_id)
        return self._jobs[job_id]

    def jobs(self, which: JobFilter = EVERY_JOB) -> Sequence[Job]:
        return list(self._jobs.values())

    def running(self, caller: Caller = ANYBODY) -> Job | None:
        raise NotImplementedError

    def abandon(self, job_id: JobId) -> None:
        raise NotImplementedError

    def retry(self, job_id: JobId) -> JobId:
        raise NotImplementedError

    def purge(self, job_id: JobId) -> None:
        raise NotImplementedError

    def queue(self) -> QueueState:
        raise NotImplementedError

    def ahead(self, job_id: JobId) -> int | None:
        raise NotImplementedError

    def progress(
        self, job_id: JobId | None = None, *, caller: Caller = ANYBODY, preview: bool = False
    ) -> Progress:
        self.looks += 1
        if self.ctrl_c_after is not None and self.looks > self.ctrl_c_after and not self.interrupted:
            raise KeyboardInterrupt
        step = self.looks % LOOKS
        if job_id is not None and step == 0:
            self._end(job_id)
        return Progress(
            job_id=job_id,
            state=JobState.RUNNING,
            stage="execute",
            step=step,
            steps=LOOKS,
            fraction=step / LOOKS,
            eta=None if step == 1 else 65.0,
        )

    def interrupt(self, job_id: JobId | None = None, *, caller: Caller = ANYBODY) -> None:
        assert job_id is not None
        self.interrupted.append(job_id)
        self._finish(self._jobs[job_id].cancel(NOW, self._result(job_id, Outcome.INTERRUPTED)))

    def skip(self, job_id: JobId | None = None, *, caller: Caller = ANYBODY) -> None:
        raise NotImplementedError

    # BrowseModels

    def models(self) -> Sequence[ModelRef]:
        return [MODEL]

    def refresh(self) -> None:
        return None

    def find(self, name: str) -> ModelRef:
        return MODEL

    def report(self, model: ModelRef) -> ModelReport:
        return REPORT

    def problems(self) -> Sequence[ModelProblem]:
        return (ModelProblem("old.ckpt", "it is a pickle"),)

    def current(self) -> ModelRef | None:
        return MODEL

    # ReportHealth and InspectImages

    def ready(self) -> tuple[bool, str]:
        return True, ""

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        return "", {}

    def look(self, data: bytes) -> PictureFacts:
        raise NotImplementedError

    # inside

    def _keep(self, data: bytes) -> BlobRef:
        ref = BlobRef(hashlib.sha256(data).hexdigest())
        self.blobs[ref] = data
        return ref

    def _check(self, request: GenerationRequest) -> None:
        if request.sampler_name == "nope":
            raise UnknownSampler(request.sampler_name)
        if request.width <= 0:
            raise InvalidValue("width", request.width, "it must be positive")
        if "prompt is refused" in request.prompt:
            raise InvalidValue("prompt", request.prompt, "it must be nicer")
        model = request.override_settings.get("sd_model_checkpoint", "tiny")
        if model != "tiny":
            raise UnknownModel(model, ("tiny",))

    def _end(self, job_id: JobId) -> None:
        job = self._jobs[job_id]
        if job.state.is_final:
            return
        if self.job_error is not None:
            self._errors[job_id] = self.job_error
            error = JobError(type(self.job_error).__name__, str(self.job_error))
            self._finish(job.fail(error, NOW))
        else:
            self._finish(job.succeed(self._result(job_id, Outcome.SUCCEEDED), NOW))

    def _finish(self, job: Job) -> None:
        self._jobs[job.id] = job
        for callback in self._callbacks.pop(job.id, []):
            callback(job)

    def _result(self, job_id: JobId, outcome: Outcome) -> GenerationResult:
        job = self._jobs[job_id]
        request = job.request
        receipt = RunReceipt(
            run_id="run",
            job_id=job_id,
            backend="fake",
            started_at=NOW,
            finished_at=NOW,
            prepare=0.25,
            execute=1.0,
            finalize=0.25,
            outcome=outcome,
        )
        image = ResultImage(
            blob=self._keep(png(request.width, request.height)),
            format="png",
            width=request.width,
            height=request.height,
            seed=job.frozen.seed,
            subseed=0,
            infotext=f"{request.prompt}\nSteps: {request.steps}",
            path=f"outputs/{job_id}.png" if request.save_images else None,
        )
        return GenerationResult(images=(image,), info={}, receipt=receipt, comments=("a comment",))


@dataclass(frozen=True)
class FakeOptions:
    def get(self) -> Mapping[str, OptionValue]:
        return {spec.name: spec.default for spec in OPTIONS}

    def set(self, changes: Mapping[str, OptionValue]) -> None:
        raise NotImplementedError

    def specs(self) -> Sequence[OptionSpec]:
        return OPTIONS


class FakeResources(NoResources):
    """One script on txt2img."""

    def scripts(self) -> Sequence[ScriptInfo]:
        fields = (
            ScriptArg(name="rungs", value=3),
            ScriptArg(name="text", value=""),
            ScriptArg(name="sides", value=("left",), choices=("left", "up")),
        )
        return (
            ScriptInfo(name="ladder", always_on=False, img2img=False, args=fields),
            ScriptInfo(name="glow", always_on=True, img2img=False),
        )


def application(service: FakeService, settings: Settings, events: list[str]) -> Application:
    return Application(
        settings=settings,
        images=service,
        jobs=service,
        models=service,
        options=FakeOptions(),
        inspect=service,
        health=service,
        backend="fake",
        plugins=(),
        resources=FakeResources(),
        start=lambda: events.append("start"),
        close=lambda: events.append("close"),
        settle=lambda: events.append("settle"),
    )


REPORTS = (
    PluginReport(
        name="builtin_one", distribution="serena", version="1", builtin=True, hooks=("serena_image",)
    ),
    PluginReport(
        name="sepia", distribution="serena-sepia", version="2", builtin=False, hooks=("serena_prepare",)
    ),
    PluginReport(
        name="broken", distribution="serena-broken", version="3", builtin=False, error="ImportError: no"
    ),
)


@dataclass
class FakeHost:
    service: FakeService = field(default_factory=FakeService)
    findings: tuple[Finding, ...] = (Finding("python", "ok", "3.11"),)
    serve_error: Exception | None = None
    events: list[str] = field(default_factory=list)
    seen: list[Settings] = field(default_factory=list)

    def open(self, settings: Settings) -> Application:
        self.seen.append(settings)
        return application(self.service, settings, self.events)

    def serve(self, settings: Settings) -> None:
        self.seen.append(settings)
        if self.serve_error is not None:
            raise self.serve_error

    def plugins(self, settings: Settings) -> Sequence[PluginReport]:
        return REPORTS

    def backends(self, settings: Settings) -> Sequence[BackendSummary]:
        return [BackendSummary("torch", "serena", False, "pip install 'serena[torch]'")]

    def diagnose(self, settings: Settings) -> Sequence[Finding]:
        return self.findings

    def check_model(self, path: Path) -> ModelReport:
        if path.name == "bad":
            return ModelReport(path=str(path), problem="it is a LoRA")
        whole = ModelReport(path=str(path), layout="single file", family="Stable Diffusion 2.x")
        return replace(whole, prediction="v_prediction", assumed=True, channels=4, precision=("F16",))

    def convert_model(
        self,
        source: Path,
        target: Path,
        precision: str | None,
        told: Callable[[int, int], None],
        *,
        force: bool,
    ) -> None:
        for done in (1, 50, 100):
            told(done * MIB, 100 * MIB)
        self.events.append(f"{source} {target} {precision} {force}")

    def pull_model(self, settings: Settings, repository: str, told: Callable[[int, int], None]) -> Path:
        told(0, 0)
        return settings.models_dir / repository


def with_errors(host: FakeHost) -> FakeHost:
    return replace(host, findings=(*host.findings, Finding("models", "error", "none", "make stubs")))
