"""What the runner is given, and what its first stage makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from core.domain.errors import BackendError
from core.domain.image import RasterImage
from core.domain.job import FrozenInputs, JobId
from core.domain.model import ModelIdentity, ModelRef
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest
from core.ports.driven import ModelCatalog, RunWatch
from core.prepared import Enlarge, HiresPass, InitPictures, RefinerSwitch
from core.sampling.passes import SamplingPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """One run to make, as ``process_images`` hands it over.

    :param models: where a script finds another checkpoint for one of its passes.
    """

    job_id: JobId
    request: GenerationRequest
    frozen: FrozenInputs
    model: ModelRef | None
    refiner: ModelRef | None = None
    hires_model: ModelRef | None = None
    options: OptionValues
    accepted_at: datetime
    models: ModelCatalog | None = None

    @property
    def checkpoint(self) -> ModelRef:
        """The model of an order that draws. Raises ``BackendError`` for one that was accepted without."""
        if self.model is None:
            kind = self.request.kind.value
            raise BackendError(f"job {self.job_id} was accepted without a model, which {kind} needs")
        return self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What is laid over a picture that was drawn under a mask, so that the rest stays as it was.

    :param originals: one for each picture of the batch, at their full size, RGB.
    :param mask: L, the size of the originals.
    :param paste_to: (x, y, width, height) that the drawn picture covers; None: all.
    """

    originals: tuple[RasterImage, ...]
    mask: RasterImage
    paste_to: tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """A checked request with everything resolved; the runner seals it.

    :param color_references: whose colours the pictures of a batch take on; empty: they keep their own.
    :param mend: mends the faces of a picture, calling the second argument as it goes; None: none are mended.
    :param first_pass: where the pictures of the first pass of the batch in progress are put, if they are
        wanted.
    :param prompts: all pictures of the run; ``seeds`` and ``subseeds`` go with them.
    :param extra: infotext parameters after the fixed ones, in order.
    :param extras: what plugins hand to the backend.
    :param vae: the file that the VAE comes from; None: it is the checkpoint's own.
    :param told: comments that came up while it was drawn, each once.
    :param marks: what the backend did to these pictures, for their infotexts.
    """

    request: GenerationRequest
    options: OptionValues
    plan: SamplingPlan
    init: InitPictures | None
    hires: HiresPass | None
    refiner: RefinerSwitch | None
    overlay: Overlay | None
    color_references: tuple[RasterImage, ...]
    prompts: tuple[str, ...]
    negative_prompts: tuple[str, ...]
    hires_prompts: tuple[str, ...]
    hires_negative_prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    subseeds: tuple[int, ...]
    extra: Mapping[str, Any]
    comments: tuple[str, ...] = field(default=())
    mend: Enlarge | None = None
    first_pass: list[RasterImage] = field(default_factory=list)
    extras: Mapping[str, Any] = field(default_factory=dict)
    told: dict[str, None] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    vae: ModelIdentity | None = None


class RunControl(RunWatch, Protocol):
    """What the runner needs of a live run beside what the backend needs."""

    @property
    def interrupted(self) -> bool: ...

    def stage(self, name: str) -> None: ...

    def plan(self, iterations: int, passes: int) -> None: ...

    def begin_iteration(self, index: int, label: str) -> None: ...
