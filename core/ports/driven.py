"""What the core calls. Adapters need not import this to conform; both type checkers compare by structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from core.domain.geometry import Size
from core.domain.image import BlobRef, ImageFormat, RasterImage
from core.domain.job import Job, JobId, StyleText
from core.domain.model import ModelRef
from core.domain.options import OptionValue, OptionValues
from core.domain.request import ResizeMode
from core.domain.resources import EmbeddingRef, LoraRef, NamedFile, UpscalerRef
from core.domain.upscaling import Tiling
from core.drafts import BatchDraft, ImageDraft, RequestDraft, ResultDraft, SaveDraft
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


class ImageBackend(Protocol):
    """Draws. Implementations say which thread they need; ``execute_run`` is called from ``max_runs``
    threads."""

    def describe(self) -> BackendInfo: ...

    def load(self, model: ModelRef) -> None:
        """Make the model ready. Raises ``ModelError``; the model loaded before still serves then."""
        ...

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        """Draw one batch: an RGB picture of the sampled size for each seed, in order.

        A picture depends on the run and its own seeds only, not on its neighbours or on other runs in flight.
        When ``watch.check`` raises ``Interrupted`` the backend ends the pass and returns what the last
        prediction looks like, or nothing if there was none. Raises ``BackendError``.
        """
        ...

    def close(self) -> None:
        """Give back what is held. A run in flight keeps what it uses; a later load or run takes it again."""
        ...


class ModelCatalog(Protocol):
    """Which checkpoints there are."""

    def all(self) -> Sequence[ModelRef]:
        """In the order they are listed to users."""
        ...

    def find(self, name: str) -> ModelRef | None:
        """By title, name, model name, stem, short hash or sha256."""
        ...

    def problem(self, name: str) -> str | None:
        """Why what lies under that name is not offered; None when nothing lies there."""
        ...

    def refresh(self) -> None: ...


class RunHooks(Protocol):
    """The hook points of a run. A plugin's failure comes out as ``PluginError``."""

    def prepare(self, draft: RequestDraft) -> None: ...

    def before_batch(self, draft: BatchDraft) -> None: ...

    def image(self, draft: ImageDraft) -> None: ...

    def finalize(self, draft: ResultDraft) -> None: ...

    def failed(self, run_id: str, error: BaseException) -> None:
        """Never raises: the run has an error already."""
        ...

    def before_save(self, draft: SaveDraft) -> None: ...

    def saved(self, run_id: str, path: str) -> None: ...


class JobStore(Protocol):
    """Keeps jobs. Every method is atomic and safe from any thread."""

    def put(self, job: Job) -> None:
        """Add a queued job. Raises ``JobConflict`` when a job has its id."""
        ...

    def take(self, now: Callable[[], datetime], timeout: float | None = None) -> Job | None:
        """The next queued job (highest priority, then oldest), now running; None when none came in time."""
        ...

    def get(self, job_id: JobId) -> Job | None: ...

    def update(self, job_id: JobId, change: Callable[[Job], Job]) -> Job:
        """Replace a job by ``change(job)``. Raises ``UnknownJob``, or what ``change`` raises: then nothing
        changes."""
        ...

    def all(self) -> Sequence[Job]:
        """Oldest first."""
        ...

    def count_queued(self) -> int: ...

    def position(self, job_id: JobId) -> int:
        """How many queued jobs come before this one; 0 for one that is not queued."""
        ...

    def remove(self, job_id: JobId) -> None:
        """Forget a job. An unknown id is no error."""
        ...


class BlobStore(Protocol):
    """Bytes by the hash of their content, counted: what was put twice must be released twice."""

    def put(self, data: bytes) -> BlobRef: ...

    def get(self, ref: BlobRef) -> bytes | None: ...

    def release(self, ref: BlobRef) -> None: ...


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
    ) -> StoredImage:
        """Write ``data`` as ``folder/<number>-<stem>.<extension>``, all or nothing.

        The number is one more than the largest in the folder, with five digits. With a ``basename`` it is
        ``<basename>-<number>-<stem>`` with four digits, and numbers count among names that begin so. Raises
        ``StorageError``; never leaves the root.

        :param replace: a file without a number takes the place of one of its name; else nothing is ever
            overwritten.
        """
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
