"""What doors call. All methods are safe to call from any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from core.domain.image import BlobRef
from core.domain.job import Job, JobId
from core.domain.model import ModelRef
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
        owner: str | None = None,
        priority: int = 0,
    ) -> JobId:
        """Accept a request: check it, freeze its inputs, queue it.

        Raises ``InvalidRequest`` (nothing is queued), ``QueueFull`` or ``NotReady``.

        :param job_id: an id chosen by the caller; ``JobConflict`` if a job has it already.
        """
        ...

    def wait(self, job_id: JobId, timeout: float | None = None) -> Job:
        """The job once it has ended. Raises its error if it failed, ``TimeoutError`` after ``timeout``
        seconds."""
        ...

    def when_done(self, job_id: JobId, callback: Callable[[Job], None]) -> None:
        """Call ``callback`` once, from some thread, when the job has ended (at once if it has)."""
        ...

    def image(self, ref: BlobRef) -> bytes:
        """The encoded bytes of a picture of a result. Raises ``UnknownJob`` once the job was forgotten."""
        ...


class ControlJobs(Protocol):
    """Watch and stop jobs."""

    def get(self, job_id: JobId) -> Job:
        """Raises ``UnknownJob``."""
        ...

    def jobs(self) -> Sequence[Job]:
        """Every job known, oldest first."""
        ...

    def progress(self, job_id: JobId | None = None, *, preview: bool = False) -> Progress:
        """A snapshot of one job, or, without an id, of the one that runs (the last one that ran, if none
        does)."""
        ...

    def interrupt(self, job_id: JobId | None = None) -> None:
        """Stop that job with the pictures that exist; without an id the one that runs. No job is no error."""
        ...

    def skip(self, job_id: JobId | None = None) -> None:
        """Drop the iteration in progress and go on with the next."""
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


class InspectImages(Protocol):
    """Read what a picture says of itself."""

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
