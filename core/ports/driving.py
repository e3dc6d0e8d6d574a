"""What doors call. All methods are safe to call from any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.errors import SerenaError
from core.domain.image import BlobRef
from core.domain.job import ANYBODY, EVERY_JOB, Caller, Job, JobFilter, JobId, JobState
from core.domain.model import ModelRef
from core.domain.model_report import ModelProblem, ModelReport
from core.domain.options import OptionSpec, OptionValue
from core.domain.progress import Progress
from core.domain.request import GenerationRequest
from core.domain.resources import EmbeddingRef, LoraRef, MemoryUse, NamedFile, ScriptInfo, UpscalerRef
from core.domain.styles import Style


class GenerateImages(Protocol):
    """Submit work and get its result."""

    def put_image(self, data: bytes) -> BlobRef:
        """Keep the bytes of an input picture until the job that refers to them has ended.

        Raises ``InvalidImage`` when they are no picture that is read.
        """
        ...

    def drop_image(self, ref: BlobRef) -> None:
        """Let go of a picture that was put, since no job will refer to it."""
        ...

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
        """Accept a request: check it, freeze its inputs, queue it. The job is stored when this returns.

        Raises ``InvalidRequest`` (nothing is queued), ``QueueFull`` or ``NotReady``.

        :param job_id: an id chosen by the caller; ``JobConflict`` if a job has it already that has not ended.
        :param key: an idempotency key. Where the caller has a job of that key, its id is given and nothing is
            queued, also after it has ended and while the server stops; ``KeyReused`` if that was another
            request. Only the request counts: priority and webhook stay those of the first call.
        :param detached: it runs on when nobody waits for it any more.
        :param webhook: URL that is told of the end; ``InvalidValue`` if it is not among those allowed.
        """
        ...

    def check(
        self,
        request: GenerationRequest,
        *,
        caller: Caller = ANYBODY,
        key: str | None = None,
        webhook: str | None = None,
    ) -> None:
        """Raise the ``InvalidRequest``, ``KeyReused`` or ``NotReady`` that ``submit`` would raise because of
        the request itself. Nothing is queued, and its pictures are kept."""
        ...

    def wait(self, job_id: JobId, timeout: float | None = None) -> Job:
        """The job once it has ended. Raises its error if it failed, ``TimeoutError`` after ``timeout``
        seconds."""
        ...

    def when_done(self, job_id: JobId, callback: Callable[[Job], None]) -> Callable[[], None]:
        """Call ``callback`` once, from some thread, when the job has ended (at once if it has).

        What it returns makes it forget the callback: who called waits no longer.
        """
        ...

    def image(self, ref: BlobRef) -> bytes:
        """The encoded bytes of a picture of a result. Raises ``UnknownJob`` once the job was forgotten."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """What the queue looks like.

    :ivar counts: jobs by state, of everybody.
    :ivar limit: how many may wait; None for any number.
    :ivar draining: the server takes no more jobs.
    :ivar outage: why no job is taken from the queue for now; None while they are.
    """

    counts: Mapping[JobState, int]
    limit: int | None
    draining: bool
    outage: str | None = None


class ControlJobs(Protocol):
    """Watch and stop jobs. Whether a caller may see a job is for the door to decide (``Job.owner``)."""

    def get(self, job_id: JobId) -> Job:
        """Raises ``UnknownJob``, or ``ExpiredJob`` when it is kept no longer."""
        ...

    def jobs(self, which: JobFilter = EVERY_JOB) -> Sequence[Job]:
        """Newest first."""
        ...

    def running(self, caller: Caller = ANYBODY) -> Job | None:
        """The oldest running job of that caller.

        Of an owner, or of a client that named itself, only theirs. Of a client that is told by its address,
        theirs if it has one, else the oldest of all, as in the reference.
        """
        ...

    def progress(
        self, job_id: JobId | None = None, *, caller: Caller = ANYBODY, preview: bool = False
    ) -> Progress:
        """A snapshot of one job, or, without an id, of ``running(caller)`` (the last one that ran, if none
        does and the caller has no name)."""
        ...

    def interrupt(self, job_id: JobId | None = None, *, caller: Caller = ANYBODY) -> None:
        """Stop that job with the pictures that exist; without an id ``running(caller)``. No job is no error.

        A queued job is cancelled when this returns; a running one stops at its next step.
        """
        ...

    def skip(self, job_id: JobId | None = None, *, caller: Caller = ANYBODY) -> None:
        """Drop the iteration in progress and go on with the next."""
        ...

    def abandon(self, job_id: JobId) -> None:
        """One who waited for it has gone: stop it, unless it is detached or somebody else waits for it."""
        ...

    def retry(self, job_id: JobId) -> JobId:
        """Queue the same request with the same frozen inputs again, under a new id.

        Raises ``UnknownJob``, and ``JobConflict`` while the job has not ended.
        """
        ...

    def purge(self, job_id: JobId) -> None:
        """Forget an ended job and its pictures. Raises ``UnknownJob``, ``JobConflict`` while it has not
        ended."""
        ...

    def queue(self) -> QueueState: ...

    def ahead(self, job_id: JobId) -> int | None:
        """How many wait before that job, 0 for one that does not wait; None where so many wait that counting
        takes its time."""
        ...

    def when_unable(self, callback: Callable[[SerenaError], None]) -> Callable[[], None]:
        """Call ``callback``, from some thread, when it turns out that nothing can be drawn or kept here for
        now, with the error that says why: ``NoWorker`` or ``NotKept``, each at most once; at once while that
        is so. Jobs wait meanwhile, callers should not.

        What it returns makes it forget the callback.
        """
        ...


class JobEvents(Protocol):
    """What doors hand in to hear what happens to jobs, for metrics and logs. Called from any thread once the
    change is stored, and often: it must be quick."""

    def accepted(self, job: Job) -> None:
        """A new job is queued. One that its key leads back to is no new one."""
        ...

    def rejected(self, error: SerenaError) -> None:
        """A request was not taken, for that reason."""
        ...

    def started(self, job: Job) -> None:
        """An attempt begins."""
        ...

    def stepped(self, job: Job, seconds: float) -> None:
        """A sampling step took that long."""
        ...

    def requeued(self, job: Job) -> None:
        """An attempt came to nothing and the job waits again."""
        ...

    def ended(self, job: Job) -> None:
        """The job is in a final state."""
        ...

    def restarted(self) -> None:
        """The process that draws had ended and was started again."""
        ...


class BrowseModels(Protocol):
    """What there is to choose from."""

    def models(self) -> Sequence[ModelRef]: ...

    def refresh(self) -> None:
        """Look at the disk again."""
        ...

    def find(self, name: str) -> ModelRef:
        """The checkpoint of that title, name, file stem or hash. Raises ``UnknownModel``."""
        ...

    def report(self, model: ModelRef) -> ModelReport:
        """What its headers say of it. Never raises for what lies there."""
        ...

    def problems(self) -> Sequence[ModelProblem]:
        """What looks like a checkpoint and is not offered, and why."""
        ...

    def current(self) -> ModelRef | None:
        """The checkpoint that a request without one draws with; None while there is none."""
        ...


class EditOptions(Protocol):
    """Read and change options."""

    def get(self) -> Mapping[str, OptionValue]:
        """Every option with the value in force."""
        ...

    def set(self, changes: Mapping[str, OptionValue]) -> None:
        """Change several at once, or none: raises ``UnknownOption``, ``InvalidValue`` or ``UnknownModel``."""
        ...

    def specs(self) -> Sequence[OptionSpec]: ...


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What a picture is, turned upright.

    :ivar size: width and height.
    :ivar transparent: some pixel of it is wholly transparent.
    """

    size: tuple[int, int]
    transparent: bool


class InspectImages(Protocol):
    """Read what a picture says of itself."""

    def look(self, data: bytes) -> PictureFacts:
        """Raises ``InvalidImage``."""
        ...

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        """The infotext (empty if none) and the other text items of the file. Raises ``InvalidImage``."""
        ...


class ReportHealth(Protocol):
    """Whether the server can draw."""

    def ready(self) -> tuple[bool, str]:
        """Whether a request would be drawn now, and one sentence that says what is missing if not."""
        ...


class BrowseResources(Protocol):
    """What lies beside the checkpoints. Every list is empty when there is no such thing."""

    def upscalers(self) -> Sequence[UpscalerRef]:
        """In the reference's order: None, Lanczos, Nearest, then those with weights by name."""
        ...

    def latent_upscalers(self) -> Sequence[str]: ...

    def face_restorers(self) -> Sequence[str]: ...

    def vaes(self) -> Sequence[NamedFile]: ...

    def text_encoders(self) -> Sequence[NamedFile]: ...

    def hypernetworks(self) -> Sequence[NamedFile]: ...

    def loras(self) -> Sequence[LoraRef]: ...

    def embeddings(self) -> Sequence[EmbeddingRef]: ...

    def styles(self) -> Sequence[Style]: ...

    def scripts(self) -> Sequence[ScriptInfo]:
        """Those of txt2img first, then those of img2img, each in the order in which they run."""
        ...

    def refresh(self) -> None:
        """Look at the disk again."""
        ...


class ManageMemory(Protocol):
    """What the loaded model costs."""

    def memory(self) -> MemoryUse: ...

    def unload(self) -> None:
        """Free the device until the next job or ``reload``. Running jobs end first."""
        ...

    def reload(self) -> None:
        """Bring the model back that ``unload`` took away."""
        ...


class RunJobs(Protocol):
    """For the worker only."""

    def run_next(self, timeout: float | None = None) -> JobId | None:
        """Take a job and run it to its end; None when none came within ``timeout`` seconds. Never raises
        because of the job."""
        ...


class ReportOutage(Protocol):
    """For the worker only: that what draws cannot be started. Safe from any thread."""

    @property
    def reason(self) -> str | None:
        """None while all is well."""
        ...

    def begin(self, reason: str) -> None:
        """From now on jobs are left in the queue, and those who wait for one are told ``reason``; told again,
        the newer one stands."""
        ...

    def end(self) -> None:
        """Jobs are taken again."""
        ...


class KeepJobs(Protocol):
    """For the worker only."""

    def recover(self) -> None:
        """Put back what processes that have died left behind; called once, before the worker starts."""
        ...

    def tick(self) -> None:
        """One round of looking after jobs: leases, lost workers, what is kept no longer. Never raises because
        of a job, and never waits for a file or a receiver."""
        ...

    def publish_due(self) -> None:
        """One round of what ended jobs owe: files that could not be written, webhooks. It may take long; any
        number of threads may call it, beside :meth:`tick`. Never raises because of a job."""
        ...
