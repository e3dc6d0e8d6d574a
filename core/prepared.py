"""A run that may be executed. Only the runner can make one, so nothing else can hand work to a backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from core.domain.geometry import HiresSizes
from core.domain.image import RasterImage
from core.domain.model import ModelIdentity, ModelRef
from core.domain.options import OptionValues
from core.domain.request import GenerationRequest, MaskedContent, ResizeMode
from core.prompt.extra_networks import ExtraNetwork
from core.sampling.passes import SamplingPlan

_SEAL = object()
NO_EXTRAS: Mapping[str, Any] = MappingProxyType({})

Enlarge: TypeAlias = Callable[[RasterImage, Callable[[], None]], RasterImage]
Keep: TypeAlias = Callable[[Sequence[RasterImage]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class InitPictures:
    """What img2img starts from, already at the size that is sampled.

    :param images: RGB; as many as the batch. With ``LATENT`` resizing they keep their own size.
    :param mask: L at the size that is sampled, 255 = paint anew; None without a mask.
    :param noise_multiplier: factor on the initial noise.
    """

    images: tuple[RasterImage, ...]
    denoising_strength: float
    resize_mode: ResizeMode = ResizeMode.STRETCH
    mask: RasterImage | None = None
    mask_round: bool = True
    masked_content: MaskedContent = MaskedContent.ORIGINAL
    noise_multiplier: float = 1.0
    image_cfg_scale: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HiresPass:
    """The second pass of txt2img.

    :param sizes: what the upscaler brings the picture to, and what is cut off after.
    :param model: the checkpoint of this pass; None for that of the first.
    :param upscaler: a latent mode (``Latent (bicubic)``) or the name of a pixel upscaler.
    :param enlarge: brings a decoded picture to ``sizes.upscaled``, calling the second argument (the ``check``
        of the run's watch) as it goes; None for a latent mode.
    :param keep: is told the decoded pictures of the first pass, a batch at a time; None: nobody wants them.
    """

    plan: SamplingPlan
    sizes: HiresSizes
    upscaler: str
    denoising_strength: float
    model: ModelRef | None = None
    enlarge: Enlarge | None = None
    keep: Keep | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerSwitch:
    """Another checkpoint that takes over within a pass.

    :param at: share of the pass after which it does; 0: from the first evaluation on.
    :param by_steps: the share is of sampling steps, not of the model's training times.
    :param first_pass: whether it acts in the first pass (the only one, without hires fix).
    :param second_pass: whether it acts in the second.
    """

    model: ModelRef
    at: float
    by_steps: bool = False
    first_pass: bool = True
    second_pass: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The pictures of one iteration: prompts, seeds and subseeds, one each.

    :param prompts: without the tags of extra networks, which are in ``networks``: those of the first prompt
        act on all pictures.
    :param hires_prompts: those of the second pass; the same as ``prompts`` unless the request has its own.
    :param extras: what plugins hand to the backend for this batch, by name. ``loras`` is a tuple of
        ``LoraChoice``, and ``hires_loras`` those of the second pass.
    :param marks: for each picture, where the backend puts what its infotext is to say of it beside.
    """

    index: int
    prompts: tuple[str, ...]
    negative_prompts: tuple[str, ...]
    hires_prompts: tuple[str, ...]
    hires_negative_prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    subseeds: tuple[int, ...]
    networks: tuple[ExtraNetwork, ...] = ()
    hires_networks: tuple[ExtraNetwork, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
    marks: tuple[dict[str, str], ...] = ()


class PreparedRun:
    """Everything a backend needs, fixed. It never leaves its process and has no serial form.

    :ivar request: the request after hooks; names in it are resolved in ``plan`` and ``model``.
    :ivar plan: sampler, schedule and their numbers.
    :ivar options: the options of this job.
    :ivar vae: the file in place of the checkpoint's own VAE, which the infotext names: draw with it or refuse
        the run. None: there is none.
    :ivar extras: what plugins hand to the backend for the whole run, by name; a batch has them too, with
        what they say of it alone.
    :ivar marks: where the backend puts what it did to these pictures, by keys of the infotext, which has them
        then: what acted only, and changed them by more than rounding.
    """

    __slots__ = (
        "extras", "hires", "init", "marks", "model", "options", "plan", "refiner", "request", "run_id", "vae",
    )  # fmt: skip

    def __init__(
        self,
        *,
        seal: object,
        run_id: str,
        request: GenerationRequest,
        model: ModelRef,
        plan: SamplingPlan,
        options: OptionValues,
        init: InitPictures | None,
        hires: HiresPass | None,
        refiner: RefinerSwitch | None,
        extras: Mapping[str, Any],
        vae: ModelIdentity | None = None,
        marks: dict[str, str] | None = None,
    ) -> None:
        if seal is not _SEAL:
            raise TypeError("a PreparedRun is made by ProcessingRunner and by nothing else")
        self.run_id = run_id
        self.request = request
        self.model = model
        self.plan = plan
        self.options = options
        self.init = init
        self.hires = hires
        self.refiner = refiner
        self.extras = extras
        self.vae = vae
        self.marks = {} if marks is None else marks


def seal() -> object:
    """The seal. ``core.runner`` is its only caller; a test reads the tree to make sure."""
    return _SEAL
