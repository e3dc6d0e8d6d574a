"""What the core calls. Adapters need not import this to conform; both type checkers compare by structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from core.domain.errors import PluginError
from core.domain.geometry import Size
from core.domain.image import BlobRef, ImageFormat, RasterImage
from core.domain.job import EVERY_JOB, Delivery, Job, JobFilter, JobId, JobState, StyleText
from core.domain.model import ModelRef
from core.domain.options import OptionValue, OptionValues
from core.domain.request import GenerationRequest, ResizeMode
from core.domain.resources import EmbeddingRef, LoraRef, NamedFile, UpscalerRef
from core.domain.result import GenerationResult
from core.domain.upscaling import Tiling
from core.drafts import (
    BatchDraft,
    Draw,
    GridDraft,
    ImageDraft,
    PicturesDraft,
    RequestDraft,
    ResultDraft,
    SaveDraft,
    ScriptResult,
)
from core.prepared import Batch, PreparedRun

NO_TEXTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendInfo:
    """What a backend says of itself.

    :param max_runs: how many runs may be in ``execute_run`` at once.
    :param memory: the reference's ``cuda`` object of its device; None for a device without memory of its own.
    :param infotext: keys that go into every infotext (the fake backend marks its pictures so).
    """

    name: str
    device: str
    max_runs: int
    infotext: Mapping[str, str]
    memory: Mapping[str, object] | None = None


class RunWatch(Protocol):
    """Handed to the backend for one run. Cheap: it may be called at every step."""

    def begin_pass(self, steps: int) -> None:
        """A sampling pass of ``steps`` steps starts. Hires fix makes two."""
        ...

    def step(self, done: int, preview: Callable[[], RasterImage] | None = None) -> None:
        """``done`` steps of the pass are done. ``preview`` is called only if somebody looks, in any
        thread."""
        ...

    def check(self) -> None:
        """Raise ``Interrupted`` when the iteration should end. Call it before each model evaluation."""
        ...


class ModelHost(Protocol):
    """Where models are loaded, which may be another process."""

    def describe(self) -> BackendInfo: ...

    def load(self, model: ModelRef) -> None:
        """Make the model ready. Raises ``ModelError``; the model loaded before still serves then."""
        ...

    def close(self) -> None:
        """Give back what is held. A run in flight keeps what it uses; a later load or run takes it again."""
        ...


class ImageBackend(ModelHost, Protocol):
    """Draws. Implementations say which thread they need; ``execute_run`` is called from ``max_runs``
    threads."""

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        """Draw one batch: an RGB picture of the sampled size for each seed, in order.

        A picture depends on the run and its own seeds only, not on its neighbours or on other runs in flight.
        When ``watch.check`` raises ``Interrupted`` the backend ends the pass and returns what the last
        prediction looks like, or nothing if there was none. Raises ``BackendError``.
        """
        ...


class ModelCatalog(Protocol):
    """Which checkpoints there are."""

    def all(self) -> Sequence[ModelRef]:
        """In the order they are listed to users. Large files may have no hash yet."""
        ...

    def find(self, name: str) -> ModelRef | None:
        """By title, name, model name, stem, short hash or sha256. What is found has its hash."""
        ...

    def problem(self, name: str) -> str | None:
        """Why what lies under that name is not offered; None when nothing lies there."""
        ...

    def refresh(self) -> None: ...


class RunScript(Protocol):
    """Draws a request by as many passes as it likes."""

    def __call__(self, request: GenerationRequest, draw: Draw) -> ScriptResult: ...


class RunHooks(Protocol):
    """The hook points of a run. A plugin's failure comes out as ``PluginError``."""

    def guard(
        self, run: Callable[[], GenerationResult], told: Callable[[PluginError], None]
    ) -> GenerationResult:
        """What ``run`` gives or raises, while it is watched. When a plugin hangs in it, ``told`` hears of it
        and the ``PluginError`` is raised; that run does nothing more then."""
        ...

    def prepare(self, draft: RequestDraft) -> None: ...

    def script(self, request: GenerationRequest) -> RunScript | None:
        """What draws a request that names a script; None for one that names none. Raises
        ``UnknownScript``."""
        ...

    def before_batch(self, draft: BatchDraft) -> None: ...

    def after_batch(self, draft: PicturesDraft) -> None: ...

    def image(self, draft: ImageDraft) -> None: ...

    def after_overlay(self, draft: ImageDraft) -> None: ...

    def grid(self, draft: GridDraft) -> None: ...

    def finalize(self, draft: ResultDraft) -> None:
        """Afterwards each image has its infotext, or this raised ``PluginError``."""
        ...

    def failed(self, run_id: str, error: BaseException) -> None:
        """Never raises: the run has an error already."""
        ...

    def before_save(self, draft: SaveDraft) -> None: ...

    def saved(self, run_id: str, path: str) -> None:
        """A file was written, after its result was committed. Never raises."""
        ...


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many jobs may wait: of everybody, and of one party. None: any number."""

    total: int | None = None
    party: int | None = None


NO_LIMITS = QueueLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What of the ended jobs is kept: those that ended at ``since`` or later, the newest ``count`` of those
    that ran and as many of those that never did, and the newest with at most ``size`` bytes of pictures
    together. None: no limit."""

    since: datetime | None = None
    count: int | None = None
    size: int | None = None


class JobStore(Protocol):
    """Keeps jobs. Every method is atomic, safe from any thread, and lasting once it has returned (as far as
    the store lasts at all). Raises ``StorageError`` when the disk refuses.

    The next job is one of the highest priority; among those, parties take turns; of one party, the oldest. A
    job that comes back to the queue keeps its turn.
    """

    def put(self, job: Job, limits: QueueLimits = NO_LIMITS, instead_of: Job | None = None) -> Job:
        """Add a queued job and give it back; where its owner has a job of the same key already, that one.

        Raises ``JobConflict`` when a job has its id, ``QueueFull`` when the limits are reached, ``KeyReused``
        when the job of that key has another digest. Then nothing changes.

        :param instead_of: the job of that id, which has ended and owes nothing: it is removed in the same
            step. ``JobConflict`` when it is no longer there, or no longer so.
        """
        ...

    def of_key(self, owner: str | None, key: str) -> Job | None:
        """The job that this owner has under an idempotency key."""
        ...

    def take(self, start: Callable[[Job], Job], timeout: float | None = None) -> Job | None:
        """The next queued job as ``start`` makes it (running); None when none came within ``timeout``
        seconds."""
        ...

    def get(self, job_id: JobId) -> Job | None: ...

    def has_expired(self, job_id: JobId) -> bool:
        """Whether there was a job of that id which was removed since."""
        ...

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        """Replace a job by ``change(job)``, in one transaction; ``change`` may be called more than once.

        Raises ``UnknownJob``, or what ``change`` raises: then nothing changes.
        """
        ...

    def all(self) -> Sequence[Job]:
        """Every job, in the order in which they came."""
        ...

    def select(self, which: JobFilter = EVERY_JOB) -> Sequence[Job]:
        """The last to come first."""
        ...

    def running(self) -> Sequence[Job]:
        """Those in state running, in the order in which they were taken."""
        ...

    def due(self, now: datetime, limit: int = 100) -> Sequence[Job]:
        """Ended jobs whose ``due_at`` has come, the earliest first."""
        ...

    def surplus(self, keep: Retention, limit: int = 1000) -> Sequence[Job]:
        """Ended jobs that are not to be kept, the oldest first. Those with something due are kept."""
        ...

    def count_queued(self, party: str | None = None) -> int: ...

    def counts(self) -> Mapping[JobState, int]:
        """How many jobs there are in each state; every state is a key."""
        ...

    def position(self, job_id: JobId) -> int:
        """How many queued jobs come before this one; 0 for one that is not queued."""
        ...

    def remove(self, job: Job) -> Job | None:
        """Forget a job that has ended, except that it has expired; gives its last state.

        None: nothing was removed, because it is gone already, has not ended, or a later job has its id.
        """
        ...

    def in_use(self, refs: Sequence[BlobRef]) -> frozenset[BlobRef]:
        """Which of these blobs a job refers to: as input (a retry needs it), as picture or for a file that is
        still to be written."""
        ...

    def close(self) -> None: ...


class Processes(Protocol):
    """Which processes of Serena live, so that the jobs of a dead one are taken up again at once."""

    @property
    def me(self) -> str:
        """The name of this one; held until it ends, however it ends."""
        ...

    def has_died(self, name: str) -> bool:
        """True when it is certain. False: it lives, or nobody here can tell (its lease decides then)."""
        ...

    def close(self) -> None:
        """This one lives no longer; called when its jobs are seen to."""
        ...


class Webhooks(Protocol):
    """Tells a URL that a job has ended."""

    def allowed(self, url: str) -> bool: ...

    def deliver(self, delivery: Delivery, body: bytes) -> bool:
        """One attempt, bounded in time. True when the receiver took it. Never raises because of the
        receiver."""
        ...


class BlobStore(Protocol):
    """Bytes by the hash of their content.

    A store that ends with its process counts: what was put twice must be released twice. For a lasting one
    ``release`` is a hint at most, since a count would not survive a crash; it is swept.
    """

    def put(self, data: bytes) -> BlobRef: ...

    def get(self, ref: BlobRef) -> bytes | None: ...

    def release(self, ref: BlobRef) -> None: ...

    def sweep(self, in_use: Callable[[Sequence[BlobRef]], frozenset[BlobRef]], older_than: float) -> int:
        """Remove what nobody refers to and what was last put more than ``older_than`` seconds ago; tell how
        many that were. One that counts has nothing to sweep.

        :param in_use: which of some blobs are referred to.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredImage:
    """A picture that was written. ``path`` is relative to the store's root, with slashes."""

    path: str
    number: int | None


class ImageStore(Protocol):
    """Writes pictures below one root."""

    def save(
        self,
        folder: Sequence[str],
        stem: str,
        extension: str,
        data: bytes,
        *,
        number: bool = True,
        basename: str = "",
        replace: bool = False,
        once: bool = False,
    ) -> StoredImage:
        """Write ``data`` as ``folder/<number>-<stem>.<extension>``, all or nothing.

        The number is one more than the largest in the folder, with five digits. With a ``basename`` it is
        ``<basename>-<number>-<stem>`` with four digits, and numbers count among names that begin so. Raises
        ``StorageError``; never leaves the root.

        :param replace: a file without a number takes the place of one of its name; else nothing is ever
            overwritten.
        :param once: it may have been written before: a file of these bytes that has a name which this one
            could get is taken for it, and nothing is written.
        """
        ...

    def check(self, folder: Sequence[str], stem: str, extension: str, size: int) -> None:
        """Raise the ``StorageError`` that :meth:`save` would raise now: a name that cannot be, a folder that
        cannot be written to, no room for ``size`` bytes."""
        ...


class ImageCodec(Protocol):
    """Pictures to bytes and back."""

    def encode(
        self,
        image: RasterImage,
        format: ImageFormat,
        infotext: str | None,
        quality: int = 80,
        texts: Mapping[str, str] = NO_TEXTS,
        lossless: bool = False,
    ) -> bytes:
        """The infotext goes into the PNG text chunk ``parameters`` or the EXIF user comment.

        :param texts: further text chunks of a PNG; the other formats have no place for them.
        :param lossless: of WebP: every pixel is kept.
        """
        ...

    def decode(self, data: bytes) -> RasterImage:
        """Turned upright by EXIF. Raises ``InvalidImage``: no picture, too large, of a kind that is not
        read."""
        ...

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        """The infotext (empty if none) and the other text items of the file. Raises ``InvalidImage``."""
        ...


class ImageEditor(Protocol):
    """Pixel work. Every method returns a new picture."""

    def flatten(self, image: RasterImage, background: str) -> RasterImage:
        """RGB; transparency falls on ``background`` (``#rrggbb``)."""
        ...

    def resize(self, image: RasterImage, width: int, height: int, mode: ResizeMode) -> RasterImage:
        """Lanczos, in the reference's four ways. Keeps the mode (RGB or L)."""
        ...

    def crop(self, image: RasterImage, box: tuple[int, int, int, int]) -> RasterImage: ...

    def to_mask(self, image: RasterImage, round_alpha: bool) -> RasterImage:
        """L: the alpha channel of an RGBA picture that is not opaque, else its brightness."""
        ...

    def invert(self, mask: RasterImage) -> RasterImage: ...

    def blur(self, mask: RasterImage, sigma_x: int, sigma_y: int) -> RasterImage: ...

    def bounds(self, mask: RasterImage) -> tuple[int, int, int, int] | None:
        """The smallest box (left, top, right, bottom) that holds every pixel above zero; None if there is
        none."""
        ...

    def scale_values(self, mask: RasterImage, factor: int) -> RasterImage:
        """Every value times ``factor``, at most 255."""
        ...

    def fill_masked(self, image: RasterImage, mask: RasterImage) -> RasterImage:
        """The masked area filled with its blurred surroundings."""
        ...

    def overlay(
        self,
        image: RasterImage,
        original: RasterImage,
        mask: RasterImage,
        paste_to: tuple[int, int, int, int] | None,
    ) -> RasterImage:
        """``original`` with ``image`` shown where ``mask`` is white, blended where it is grey.

        Where the mask is 0 the pixels are those of ``original``, byte for byte.

        :param paste_to: (x, y, width, height) of the region that ``image`` covers; None: all of it.
        """
        ...

    def cut_out(
        self, image: RasterImage, mask: RasterImage, paste_to: tuple[int, int, int, int] | None
    ) -> RasterImage:
        """RGBA of the mask's size: ``image`` where ``mask`` is white, transparent black where it is black.

        :param paste_to: as in :meth:`overlay`.
        """
        ...

    def match_colors(self, image: RasterImage, reference: RasterImage) -> RasterImage:
        """``image`` with the colour histogram of ``reference``."""
        ...

    def blend(self, image: RasterImage, other: RasterImage, share: float) -> RasterImage:
        """``image`` with ``share`` (0 to 1) of ``other`` in every pixel. Of the same size."""
        ...

    def centre(self, image: RasterImage, width: int, height: int) -> RasterImage:
        """``image`` in the middle of an RGB canvas of that size, cut where it is larger, black where it is
        smaller."""
        ...

    def grid(
        self, images: Sequence[RasterImage], columns: int, rows: int, background: str
    ) -> RasterImage: ...


class Upscalers(Protocol):
    """Enlarges pictures that exist."""

    def all(self) -> Sequence[UpscalerRef]:
        """Those that can be used, in the order they are listed to users."""
        ...

    def upscale(
        self, name: str, image: RasterImage, size: Size, tiling: Tiling, watch: RunWatch
    ) -> RasterImage:
        """``image`` at exactly ``size``. Transparency stays.

        One call is one pass of ``watch``, whose steps are tiles. ``Interrupted`` from ``watch.check`` goes
        through. Raises ``InvalidValue`` for a name that is not listed, ``ModelError`` for weights that cannot
        be used, ``BackendError`` when memory runs out.
        """
        ...

    def refresh(self) -> None:
        """Look at the disk again."""
        ...


class FaceRestorers(Protocol):
    """Mends faces."""

    def names(self) -> Sequence[str]:
        """Those whose weights are here, of ``CodeFormer`` and ``GFPGAN``."""
        ...

    def restore(self, name: str, image: RasterImage, weight: float, watch: RunWatch) -> RasterImage:
        """``image`` with its faces mended; the same size and mode. One call is one pass of ``watch``.

        :param weight: of CodeFormer: 0 changes most, 1 keeps closest to the picture.
        """
        ...


class Interrogators(Protocol):
    """Describes pictures in words."""

    def names(self) -> Sequence[str]:
        """Those that are known, whether their weights are here or not."""
        ...

    def missing(self, name: str) -> str | None:
        """What must be put where before ``name`` can be used; None when it can."""
        ...

    def describe(self, name: str, image: RasterImage, options: OptionValues, watch: RunWatch) -> str:
        """A caption of an RGB picture. Raises ``ModelError`` for weights that cannot be used."""
        ...


class OptionStore(Protocol):
    """Keeps the options that users changed."""

    def load(self) -> Mapping[str, OptionValue]: ...

    def save(self, changed: Mapping[str, OptionValue]) -> None:
        """All or nothing. Raises ``StorageError``."""
        ...


class ResourceFiles(Protocol):
    """The files beside the checkpoints. Each call looks again."""

    def loras(self) -> Sequence[LoraRef]: ...

    def vaes(self) -> Sequence[NamedFile]: ...

    def embeddings(self) -> Sequence[EmbeddingRef]: ...


class StyleLibrary(Protocol):
    """The named styles that users keep."""

    def all(self) -> Sequence[StyleText]: ...


class Clock(Protocol):
    """Time, so that tests can turn it."""

    def now(self) -> datetime:
        """With a time zone."""
        ...

    def seconds(self) -> float:
        """For durations: never runs backwards."""
        ...
