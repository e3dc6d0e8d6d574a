"""What a door asks for. Plain frozen data that survives a JSON round trip; pictures are references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from core.domain.image import BlobRef


class Kind(StrEnum):
    """What a job does. Every kind passes the runner."""

    TXT2IMG = "txt2img"
    IMG2IMG = "img2img"
    EXTRAS = "extras"
    INTERROGATE = "interrogate"


DRAWN = frozenset((Kind.TXT2IMG, Kind.IMG2IMG))
"""The kinds that a backend draws, from a checkpoint."""


class ResizeMode(IntEnum):
    """How an init image of another size comes to the size asked for."""

    STRETCH = 0
    CROP = 1
    FILL = 2
    LATENT = 3


class MaskedContent(IntEnum):
    """What the masked area holds before sampling starts."""

    FILL = 0
    ORIGINAL = 1
    LATENT_NOISE = 2
    LATENT_NOTHING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HiresParams:
    """The second pass of txt2img at a larger size.

    :param resize_x: final width; 0 means ``scale`` decides.
    :param second_pass_steps: 0 means the steps of the first pass.
    :param prompt: empty means the prompt of the first pass.
    """

    scale: float = 2.0
    upscaler: str | None = None
    second_pass_steps: int = 0
    resize_x: int = 0
    resize_y: int = 0
    checkpoint_name: str | None = None
    sampler_name: str | None = None
    scheduler: str | None = None
    prompt: str = ""
    negative_prompt: str = ""
    firstphase_width: int = 0
    firstphase_height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InitParams:
    """The pictures that img2img starts from, and the mask. White in the mask is painted anew.

    :param images: at least one; one is repeated over the batch.
    :param mask_blur_x: standard deviation in pixels.
    :param noise_multiplier: None means the option ``initial_noise_multiplier``.
    :param image_cfg_scale: only models of the instruct-pix2pix kind read it.
    """

    images: tuple[BlobRef, ...]
    resize_mode: ResizeMode = ResizeMode.STRETCH
    mask: BlobRef | None = None
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_round: bool = True
    mask_invert: bool = False
    masked_content: MaskedContent = MaskedContent.FILL
    only_masked: bool = True
    only_masked_padding: int = 0
    noise_multiplier: float | None = None
    image_cfg_scale: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtrasParams:
    """What a job of kind extras does to pictures that exist: upscale, then mend faces.

    :param images: each is worked on by itself, in order.
    :param names: file names to go with them, for plugins that care; as many as images, or none.
    :param to_size: resize to ``width`` and ``height``; otherwise by ``factor``.
    :param crop: cut what is over at the edges, when resizing to a size.
    :param upscaler_2: blended over the first with ``upscaler_2_visibility``; "None" is no upscaler.
    """

    images: tuple[BlobRef, ...]
    names: tuple[str, ...] = ()
    to_size: bool = False
    factor: float = 2.0
    width: int = 512
    height: int = 512
    crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    upscaler_2_visibility: float = 0.0
    gfpgan_visibility: float = 0.0
    codeformer_visibility: float = 0.0
    codeformer_weight: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InterrogateParams:
    """What a job of kind interrogate describes in words. ``model`` is ``clip`` or ``deepdanbooru``."""

    image: BlobRef
    model: str = "clip"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One request for pictures, with the names and defaults of the ``/sdapi/v1`` API.

    None means "the option of that name decides". ``seed`` -1 means a random one, chosen at acceptance.

    :param width: pixels; the latent is an eighth of it, rounded down.
    :param override_settings: options of this job only, laid over those in force when the job was accepted.
    :param save_images: also write the pictures below the data folder.
    :param deterministic: draw it in no company, so that not even rounding depends on other requests.
    """

    kind: Kind = Kind.TXT2IMG
    prompt: str = ""
    negative_prompt: str = ""
    styles: tuple[str, ...] = ()
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    seed_resize_from_w: int = -1
    seed_resize_from_h: int = -1
    sampler_name: str = "Euler"
    scheduler: str | None = None
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    eta: float | None = None
    denoising_strength: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmin: float | None = None
    s_tmax: float | None = None
    s_noise: float | None = None
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    hires: HiresParams | None = None
    init: InitParams | None = None
    override_settings: Mapping[str, Any] = field(default_factory=dict)
    script_name: str | None = None
    script_args: tuple[Any, ...] = ()
    alwayson_scripts: Mapping[str, Any] = field(default_factory=dict)
    save_images: bool = False
    extras: ExtrasParams | None = None
    interrogate: InterrogateParams | None = None
    deterministic: bool = False

    def blobs(self) -> tuple[BlobRef, ...]:
        """Every blob that this request refers to."""
        found: list[BlobRef] = []
        if self.init is not None:
            found += [*self.init.images, *([self.init.mask] if self.init.mask else [])]
        if self.extras is not None:
            found += self.extras.images
        if self.interrogate is not None:
            found.append(self.interrogate.image)
        return tuple(found)
