"""Which family a checkpoint belongs to, told from the names and shapes of its tensors; no weight is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.domain.errors import ModelError
from core.domain.flow_families import (
    FLOW,
    FLOW_FAMILIES,
    FlowFamily,
    flow_family_of,
    missing_parts,
    takes,
)

Shapes = Mapping[str, tuple[int, ...]]

SD1, SD2, SDXL, REFINER = "sd1", "sd2", "sdxl", "sdxl-refiner"
TITLES: Mapping[str, str] = {
    SD1: "Stable Diffusion 1.x",
    SD2: "Stable Diffusion 2.x",
    SDXL: "Stable Diffusion XL",
    REFINER: "Stable Diffusion XL refiner",
    **{name: family.title for name, family in FLOW_FAMILIES.items()},
}
"""The families that are drawn with, and what they are called."""
INPAINT_CHANNELS = 9
EDIT_CHANNELS = 8
OPEN_CLIP_ACTIVATION = "gelu"
"""The ``hidden_act`` of a text encoder by which a folder is SD2 and not SD1; CLIP's own: ``quick_gelu``."""
EPSILON, V_PREDICTION = "epsilon", "v_prediction"

UNET = "model.diffusion_model."
FIRST_LAYER = UNET + "input_blocks.0.0.weight"
VAE_PREFIX = "first_stage_model."
TEXT_PREFIXES: Mapping[str, tuple[str, ...]] = {
    SD1: ("cond_stage_model.transformer.",),
    SD2: ("cond_stage_model.model.",),
    SDXL: ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
    REFINER: ("conditioner.embedders.0.model.",),
}
"""Where the text encoders of each family lie in a single file, in their order."""
_WIDTHS = {768: SD1, 1024: SD2}
_WIDTHS_WITH_SIZES = {2048: SDXL, 1280: REFINER}
_CHANNELS: Mapping[str, tuple[int, ...]] = {
    SD1: (4, EDIT_CHANNELS, INPAINT_CHANNELS),
    SD2: (4, INPAINT_CHANNELS),
    SDXL: (4, EDIT_CHANNELS, INPAINT_CHANNELS),
    REFINER: (4,),
}
# What else lies about in a folder of models, by the beginning or the end of names in it: the first wins.
_OTHERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a LoRA", ("lora_unet_", "lora_te", ".lora_down.weight", ".lora_A.weight", ".lora_up.weight")),
    ("a ControlNet", ("control_model.", "controlnet_", "input_hint_block.")),
    ("a Stable Diffusion 3 model", (UNET + "joint_blocks.", "joint_blocks.")),
    ("a Flux 2 model", ("double_stream_modulation_img.", UNET + "double_stream_modulation_img.")),
    ("a Flux model", (UNET + "double_blocks.", "double_blocks.")),
    ("a Qwen-Image model", ("transformer_blocks.0.img_mod.", UNET + "transformer_blocks.0.img_mod.")),
    ("a Z-Image or Lumina model", ("noise_refiner.", UNET + "noise_refiner.")),
    ("a Stable Cascade model", ("clip_txt_mapper.", "clip_mapper.")),
    ("the UNet of a diffusers folder", ("down_blocks.", "up_blocks.")),
    ("a VAE", ("first_stage_model.", "decoder.", "encoder.")),
    ("a text encoder", ("text_model.", "transformer.resblocks.", "cond_stage_model.")),
    ("a textual inversion", ("emb_params", "clip_l", "string_to_param")),
)


@dataclass(frozen=True, slots=True)
class CheckpointKind:
    """What a single-file checkpoint is.

    :ivar family: a key of :data:`TITLES`.
    :ivar channels: how many its UNet takes: 4; 9 of inpainting models, 8 of those that follow instructions;
        of a flow family: those of its latents.
    :ivar prediction: ``epsilon``, ``v_prediction`` or ``flow``. :ivar assumed: nothing says so; it is what
        most of the family do.
    :ivar missing: the parts that it has not: ``vae``, ``text_encoder`` and the like.
    """

    family: str
    channels: int
    prediction: str
    assumed: bool = False
    missing: tuple[str, ...] = ()

    @property
    def inpainting(self) -> bool:
        return self.channels == INPAINT_CHANNELS

    @property
    def editing(self) -> bool:
        return self.channels == EDIT_CHANNELS


def recognise(shapes: Shapes, metadata: Mapping[str, str], told: str | None = None) -> CheckpointKind:
    """The kind of a file in the original layout, from its header.

    :param told: the prediction that a file beside it names.

    Raises :class:`ModelError`: it is none that is drawn with, and the sentence names what it is.
    """
    if (flow := flow_family_of(shapes)) is not None:
        return _flow_kind(*flow, shapes)
    if FIRST_LAYER not in shapes:
        raise ModelError(f"it is {other_kind(shapes)}, and no checkpoint that is drawn with")
    family, channels = _family(shapes), int(shapes[FIRST_LAYER][1])
    if channels not in _CHANNELS[family]:
        raise ModelError(
            f"it is a {TITLES[family]} model whose UNet takes {channels} channels; "
            f"drawn with are {', '.join(map(str, _CHANNELS[family]))}"
        )
    prediction = told or _prediction_of_metadata(metadata) or _prediction_of_tensors(shapes)
    assumed = prediction is None and family == SD2 and channels == 4
    return CheckpointKind(
        family,
        channels,
        prediction or (V_PREDICTION if assumed else EPSILON),
        assumed,
        tuple(_missing(shapes, family)),
    )


def latent_channels(family: str) -> int | None:
    """Of its latents; None for a family that is not known."""
    if family in FLOW_FAMILIES:
        return FLOW_FAMILIES[family].channels
    return 4 if family in TITLES else None


def other_kind(shapes: Shapes) -> str:
    """What a file that is no checkpoint seems to be, in words."""
    for words, marks in _OTHERS:
        if any(name.startswith(marks) or name.endswith(marks) for name in shapes):
            return words
    some = ", ".join(sorted(shapes)[:3])
    return f"of an unknown kind ({len(shapes)} tensors: {some[:200]}{', …' if len(shapes) > 3 else ''})"


def _flow_kind(family: FlowFamily, prefix: str, shapes: Shapes) -> CheckpointKind:
    found, wanted = takes(family, shapes, prefix), family.first[1]
    if found != wanted:
        raise ModelError(
            f"it is a {family.title} model whose transformer takes {found} numbers for a patch; "
            f"drawn with are those that take {wanted}"
        )
    return CheckpointKind(family.name, family.channels, FLOW, missing=tuple(missing_parts(family, shapes)))


def _family(shapes: Shapes) -> str:
    found = [family for family in (SDXL, SD2, SD1, REFINER) if _has_text(shapes, family)]
    if found:
        return found[0]
    name = next((name for name in shapes if name.endswith("attn2.to_k.weight")), None)
    width = shapes[name][-1] if name is not None else 0
    known = _WIDTHS_WITH_SIZES if UNET + "label_emb.0.0.weight" in shapes else _WIDTHS
    if width not in known:
        raise ModelError(
            f"it has no text encoder, and a UNet for texts of width {width}, which is of no known family"
        )
    return known[width]


def _has_text(shapes: Shapes, family: str) -> bool:
    return all(any(name.startswith(prefix) for name in shapes) for prefix in TEXT_PREFIXES[family])


def _missing(shapes: Shapes, family: str) -> Iterable[str]:
    if not any(name.startswith(VAE_PREFIX) for name in shapes):
        yield "vae"
    if not _has_text(shapes, family):
        yield "text_encoder"


def _prediction_of_metadata(metadata: Mapping[str, str]) -> str | None:
    said = metadata.get("modelspec.prediction_type", "").lower()
    return {"v": V_PREDICTION, "v_prediction": V_PREDICTION, "epsilon": EPSILON}.get(said)


def _prediction_of_tensors(shapes: Shapes) -> str | None:
    """Some trainers mark such models with an empty tensor."""
    return V_PREDICTION if "v_pred" in shapes else None
