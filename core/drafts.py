"""What hooks may edit. A hook changes the draft in place; what it returns is ignored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from core.domain.image import ImageFormat, RasterImage
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest


@dataclass(slots=True)
class RequestDraft:
    """A request before it is fixed.

    :param request: replace it with :meth:`change`; seeds are resolved already.
    :param options: as this job sees them; change one with :meth:`set_option`.
    :param extra_generation_params: written into the infotext in insertion order, after the fixed keys.
    """

    run_id: str
    request: GenerationRequest
    options: OptionValues
    extra_generation_params: dict[str, Any] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

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
    """The pictures of one iteration before they are sampled. All lists have the same length."""

    run_id: str
    index: int
    prompts: list[str]
    negative_prompts: list[str]
    hires_prompts: list[str]
    hires_negative_prompts: list[str]
    seeds: list[int]
    subseeds: list[int]


@dataclass(slots=True)
class ImageDraft:
    """One picture after sampling.

    :param infotext_params: added to this picture's infotext.
    :param painted: under a mask, the picture as it was before the original was laid over it.
    :param uncorrected: the picture before its colours were corrected, if the options want it saved.
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
    uncorrected: RasterImage | None = None


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


@dataclass(slots=True)
class SaveDraft:
    """One picture about to be written below the data folder.

    :param folder: parts of the folder's path, below the data folder.
    :param stem: file name without number and extension.
    """

    run_id: str
    image: RasterImage
    infotext: str
    folder: list[str]
    stem: str
    format: ImageFormat
