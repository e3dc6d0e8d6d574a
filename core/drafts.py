"""What hooks may edit. A hook changes the draft in place; what it returns is ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Protocol

from core.domain.image import BlobRef, ImageFormat, RasterImage
from core.domain.model import ModelIdentity
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry, OptionValues
from core.domain.request import GenerationRequest
from core.domain.styles import Style

EPOCH = datetime.fromtimestamp(0, UTC)
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


@dataclass(slots=True)
class RequestDraft:
    """A request before it is fixed.

    :param request: replace it with :meth:`change`; seeds are resolved already.
    :param options: as this job sees them; change one with :meth:`set_option`.
    :param extra_generation_params: written into the infotext in insertion order, after the fixed keys.
    :param comments: remarks to the user.
    :param extras: what the plugin hands to the backend for the whole run, by a name of the plugin's.
    :param applied_networks: kinds of extra networks (``lora``) that plugins apply; for the others a comment
        says that nothing does.
    :param model: the checkpoint; None for a kind that draws without one.
    :param styles: the texts of styles as the job froze them, by name, to read. Those that
        ``request.styles`` names are merged into the prompts by the built-in plugin ``styles``.
    :param applied_styles: names of styles that plugins apply; for the others a comment says that nothing
        does.
    """

    run_id: str
    request: GenerationRequest
    options: OptionValues
    extra_generation_params: dict[str, Any] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)
    applied_networks: set[str] = field(default_factory=set)
    model: ModelIdentity | None = None
    styles: Mapping[str, Style] = field(default_factory=dict)
    applied_styles: set[str] = field(default_factory=set)

    def change(self, **fields: Any) -> None:
        """Replace fields of the request by name."""
        self.request = replace(self.request, **fields)

    def set_option(self, name: str, value: Any) -> None:
        """Change an option for this job only. Raises ``UnknownOption`` or ``InvalidValue``."""
        self.options = self.options.overlay({name: value})

    @property
    def prompt(self) -> str:
        return self.request.prompt

    @prompt.setter
    def prompt(self, text: str) -> None:
        self.change(prompt=text)

    @property
    def negative_prompt(self) -> str:
        return self.request.negative_prompt

    @negative_prompt.setter
    def negative_prompt(self, text: str) -> None:
        self.change(negative_prompt=text)


@dataclass(slots=True)
class BatchDraft:
    """The pictures of one iteration before they are sampled. All lists have the same length.

    :param options: of the job, to read.
    :param extras: what plugins hand to the backend for this batch, over what they gave for the run.
    :param infotext_params: added to the infotexts of these pictures.
    :param comments: remarks to the user; one that was made already is not repeated.
    :param networks_disabled: the request wants tags of extra networks taken out and not applied.
    """

    run_id: str
    index: int
    prompts: list[str]
    negative_prompts: list[str]
    hires_prompts: list[str]
    hires_negative_prompts: list[str]
    seeds: list[int]
    subseeds: list[int]
    options: OptionValues | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    infotext_params: dict[str, Any] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    networks_disabled: bool = False


@dataclass(slots=True)
class ImageDraft:
    """One picture after sampling.

    :param infotext_params: added to this picture's infotext.
    :param painted: under a mask, the picture as it was before the original was laid over it.
    :param earlier: what the picture was before, as far as the options want it saved: by the ending of the
        file's name, ``-before-color-correction`` for one.
    """

    run_id: str
    index: int
    image: RasterImage
    prompt: str
    negative_prompt: str
    seed: int
    subseed: int
    infotext_params: dict[str, Any] = field(default_factory=dict)
    painted: RasterImage | None = None
    earlier: dict[str, RasterImage] = field(default_factory=dict)


@dataclass(slots=True)
class PicturesDraft:
    """The pictures of one iteration as they were sampled. Drop one, or add one."""

    run_id: str
    index: int
    images: list[ImageDraft]


@dataclass(slots=True)
class GridDraft:
    """A sheet about to be made of the pictures of a run. Without pictures there will be none."""

    run_id: str
    images: list[RasterImage]
    columns: int
    rows: int
    background: str


@dataclass(slots=True)
class ResultDraft:
    """All pictures of a run before they are encoded. ``infotexts`` go with ``images``, one each.

    :param first_image: index of the first picture that is no grid.
    """

    run_id: str
    images: list[ImageDraft]
    infotexts: list[str]
    first_image: int = 0
    comments: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPicture:
    """How a picture came about that is about to be written. Of a grid, what is told of its first picture.

    :param request: as it was drawn: after hooks, with what its nulls stand for.
    :param index: among the pictures of the run, from 0.
    :param prompt: of this picture; ``prompt_no_styles`` is the request's as it came, for all pictures.
    :param seeds: of all pictures of the run.
    :param model: the checkpoint.
    :param accepted_at: when the job was; ``now`` is when the file is planned. Both have a zone.
    """

    request: GenerationRequest = field(default_factory=GenerationRequest)
    index: int = 0
    prompt: str = ""
    negative_prompt: str = ""
    prompt_no_styles: str = ""
    seed: int = -1
    subseed: int = -1
    seeds: tuple[int, ...] = ()
    sampler: str = ""
    scheduler: str = ""
    model: ModelIdentity | None = None
    accepted_at: datetime = EPOCH
    now: datetime = EPOCH


def _defaults() -> OptionValues:
    return OptionRegistry(OPTIONS).values({})


@dataclass(slots=True)
class SaveDraft:
    """One picture about to be written below the data folder. Fields from ``grid`` on are to read, but for
    ``quality`` and ``lossless``; they have defaults for drafts that tests make.

    :param folder: parts of the folder's path, below the data folder.
    :param stem: file name without number and extension; empty: the file has its number only. What is too
        long is cut.
    :param grid: whether it is a sheet, kept where grids are.
    :param suffix: of what belongs to a picture: what its name ends with, ``-mask`` for one.
    :param quality: 1 to 100, for formats that lose something; None: as the options say.
    :param lossless: of WebP; None: as the options say.
    """

    run_id: str
    image: RasterImage
    infotext: str
    folder: list[str]
    stem: str
    format: ImageFormat
    grid: bool = False
    suffix: str = ""
    picture: SavedPicture = field(default_factory=SavedPicture)
    options: OptionValues = field(default_factory=_defaults)
    quality: int | None = None
    lossless: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnImage:
    """A picture that one pass of a script drew, after all hooks.

    :param number: its place among all pictures of the script's passes.
    """

    number: int
    image: RasterImage
    infotext: str
    prompt: str
    negative_prompt: str
    seed: int
    subseed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A picture that a script made of others.

    :param like: its infotext is that of this picture, with ``infotext_params`` added.
    :param grid: it is saved where grids are, and stands before the first picture. False: it is a picture such
        as passes draw, and is saved and counted as one.
    """

    image: RasterImage
    like: DrawnImage
    infotext_params: Mapping[str, Any] = field(default_factory=dict)
    grid: bool = True


@dataclass(slots=True)
class ScriptResult:
    """What a script answers with: its sheets, grids before the others, then pictures that its passes drew,
    in any order."""

    images: list[DrawnImage] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


class Draw(Protocol):
    """What a script draws with. Each call is one whole run: prepare, execute, finalize, with every hook."""

    @property
    def seed_is_random(self) -> bool:
        """Whether the request left the seed open. The one that the script is handed was chosen for it."""
        ...

    def __call__(
        self, request: GenerationRequest, options: Mapping[str, Any] = NO_OPTIONS
    ) -> tuple[DrawnImage, ...]:
        """The pictures of one pass, without a grid. They are saved as the request says.

        Seed -1 stands for one that follows from the job's. Raises ``InvalidRequest``; ``Interrupted`` once
        the job was stopped, which a script lets through (what was drawn is kept then) or answers with what it
        made so far.

        :param options: of this pass only. The option ``sd_model_checkpoint`` chooses another checkpoint.
        """
        ...

    def each(
        self,
        requests: Sequence[GenerationRequest],
        options: Mapping[str, Any] = NO_OPTIONS,
        *,
        at_once: int = 1,
    ) -> tuple[DrawnImage, ...]:
        """The pictures of several requests, as by a call for each, with every hook for each.

        :param at_once: so many are sampled in one batch, where they are of one picture each and differ in
            their prompts and seeds only.
        """
        ...

    def expect(self, passes: int, images: int | None = None) -> None:
        """Say how many passes there will be, for the progress. Raises ``InvalidValue`` for more pictures than
        one request may ask for.

        :param images: of all passes together; None: each draws as many as the script's request asks for.
        """
        ...

    @property
    def upscalers(self) -> tuple[str, ...]:
        """The names of the upscalers that there are, in the order in which users see them."""
        ...

    def open(self, image: BlobRef) -> RasterImage:
        """A picture of the request as RGB: transparency falls on the option ``img2img_background_color``.
        Raises ``InvalidImage``."""
        ...

    def upscale(self, image: RasterImage, upscaler: str, factor: float) -> RasterImage:
        """A picture enlarged; its sides come out as multiples of 8. Raises ``InvalidValue`` for an upscaler
        that there is not, or for more pixels than a request may ask for."""
        ...

    def keep(self, image: RasterImage) -> BlobRef:
        """Make a picture one that a request can start from."""
        ...
