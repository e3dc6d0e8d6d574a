"""What the families of models differ in: their text encoders above all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from adapters.backends.torch.families.flow_kinds import FLOW_KINDS, FlowKind
from core.domain.families import EDIT_CHANNELS, INPAINT_CHANNELS, REFINER, SD1, SD2, SDXL
from core.domain.flow_families import FLUX, KLEIN, QWEN_IMAGE, SCHNELL, SD3, Z_IMAGE


class ClipSkip(Enum):
    """Whether an encoder heeds the option ``CLIP_stop_at_last_layers``: always, never, or where
    ``sdxl_clip_l_skip`` is on."""

    ALWAYS = auto()
    NEVER = auto()
    BY_OPTION = auto()


class Sizes(Enum):
    """What numbers a network is told beside the text, and how many: none; original size, crop and target
    size; original size, crop and aesthetic score; or the guidance that it was taught to do by itself."""

    NONE = 0
    TARGET = 6
    AESTHETIC = 5
    GUIDANCE = 1

    @property
    def count(self) -> int:
        return self.value


@dataclass(frozen=True, slots=True)
class EncoderKind:
    """One text encoder.

    :ivar part: its folder in the layout of diffusers; ``tokenizer``: that of its tokenizer.
    :ivar prefix: where it lies in a single file.
    :ivar layer: the hidden state that is taken, counted from the last (1).
    :ivar normed: it goes through the last norm.
    :ivar pooled: its vector for the whole text is taken as well.
    :ivar pads_with_end: chunks are filled up with the end token, else with token 0.
    :ivar open_clip: it has OpenCLIP's names in a single file.
    :ivar projected: its vector for the whole text goes through its projection.
    :ivar tells_projection: a single file has that projection; else, where it is not in it, there is none.
    """

    part: str
    tokenizer: str
    prefix: str
    layer: int = 1
    normed: bool = True
    skips: ClipSkip = ClipSkip.NEVER
    pooled: bool = False
    pads_with_end: bool = True
    open_clip: bool = False
    projected: bool = True
    tells_projection: bool = True


@dataclass(frozen=True, slots=True)
class FamilyKind:
    """A family.

    :ivar scaling: of the VAE, where no configuration tells it.
    :ivar zero_negative: an empty negative prompt is all zeros, not the encoding of the empty text.
    :ivar flow: of a transformer instead of a UNet.
    """

    name: str
    encoders: tuple[EncoderKind, ...]
    sizes: Sizes = Sizes.NONE
    scaling: float = 0.18215
    zero_negative: bool = False
    flow: FlowKind | None = None

    @property
    def counts_tokens(self) -> bool:
        """The last number of each row of a text says whether it is a token."""
        return self.flow is not None and self.flow.counts_tokens

    def goes_unguided(self, scale: float, negative: bool) -> bool:
        """A transformer costs too much to ask it for what changes nothing (a scale of 1), or, where it was
        taught to do without, for what nobody named: there a negative prompt has to be given."""
        return self.flow is not None and (scale == 1.0 or (self.flow.distilled and not negative))


CLIP_L = EncoderKind("text_encoder", "tokenizer", "cond_stage_model.transformer.", skips=ClipSkip.ALWAYS)
OPEN_CLIP_H = EncoderKind(
    "text_encoder", "tokenizer", "cond_stage_model.model.", pads_with_end=False, open_clip=True
)
XL_CLIP_L = EncoderKind(
    "text_encoder", "tokenizer", "conditioner.embedders.0.transformer.",
    layer=2, normed=False, skips=ClipSkip.BY_OPTION,
)  # fmt: skip
XL_CLIP_G = EncoderKind(
    "text_encoder_2", "tokenizer_2", "conditioner.embedders.1.model.",
    layer=2, normed=False, pooled=True, pads_with_end=False, open_clip=True,
)  # fmt: skip
REFINER_CLIP_G = EncoderKind(
    "text_encoder_2", "tokenizer_2", "conditioner.embedders.0.model.",
    layer=2, normed=False, pooled=True, pads_with_end=False, open_clip=True,
)  # fmt: skip

SD3_CLIP_L = EncoderKind(
    "text_encoder", "tokenizer", "text_encoders.clip_l.transformer.",
    layer=2, normed=False, pooled=True, tells_projection=False,
)  # fmt: skip
SD3_CLIP_G = EncoderKind(
    "text_encoder_2", "tokenizer_2", "text_encoders.clip_g.transformer.",
    layer=2, normed=False, pooled=True, pads_with_end=False,
)  # fmt: skip
FLUX_CLIP_L = EncoderKind(
    "text_encoder", "tokenizer", "text_encoders.clip_l.transformer.", pooled=True, projected=False
)

FAMILIES: Mapping[str, FamilyKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            FamilyKind(SD1, (CLIP_L,)),
            FamilyKind(SD2, (OPEN_CLIP_H,)),
            FamilyKind(SDXL, (XL_CLIP_L, XL_CLIP_G), Sizes.TARGET, 0.13025, zero_negative=True),
            FamilyKind(REFINER, (REFINER_CLIP_G,), Sizes.AESTHETIC, 0.13025, zero_negative=True),
            FamilyKind(SD3, (SD3_CLIP_L, SD3_CLIP_G), flow=FLOW_KINDS[SD3]),
            FamilyKind(FLUX, (FLUX_CLIP_L,), Sizes.GUIDANCE, flow=FLOW_KINDS[FLUX]),
            FamilyKind(SCHNELL, (FLUX_CLIP_L,), flow=FLOW_KINDS[SCHNELL]),
            FamilyKind(QWEN_IMAGE, (), flow=FLOW_KINDS[QWEN_IMAGE]),
            FamilyKind(Z_IMAGE, (), flow=FLOW_KINDS[Z_IMAGE]),
            FamilyKind(KLEIN, (), flow=FLOW_KINDS[KLEIN]),
        )
    }
)
PIPELINES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "StableDiffusionPipeline": (4,),
        "StableDiffusionInpaintPipeline": (4, INPAINT_CHANNELS),
        "StableDiffusionInstructPix2PixPipeline": (EDIT_CHANNELS,),
        "LatentConsistencyModelPipeline": (4,),
        "StableDiffusionXLPipeline": (4,),
        "StableDiffusionXLImg2ImgPipeline": (4,),
        "StableDiffusionXLInpaintPipeline": (4, INPAINT_CHANNELS),
        "StableDiffusionXLInstructPix2PixPipeline": (EDIT_CHANNELS,),
    }
)
"""The kinds of folders that are read, and the input channels of their UNets."""
