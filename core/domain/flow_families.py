"""The families of flow-matching transformers: what their folders and files are made of; no weight is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

Shapes = Mapping[str, tuple[int, ...]]

SD3, FLUX, SCHNELL, QWEN_IMAGE, Z_IMAGE = "sd3", "flux", "flux-schnell", "qwen-image", "z-image"
KLEIN = "flux2-klein"
FLOW = "flow"
"""What such a network answers: the way from the picture to the noise."""
SIDE_STEP = 16
"""Their sides are multiples of so many pixels: a patch of 2 x 2 latent cells."""
PREFIXES = ("model.diffusion_model.", "")
"""Before the names of the transformer in a single file: with other parts, and alone."""
VAE_PREFIXES = ("first_stage_model.", "vae.")


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text encoder.

    :ivar part: its folder in the layout of diffusers; ``tokenizer``: that of its tokenizer.
    :ivar prefixes: before its names in a single file.
    :ivar needed: the family cannot be drawn with without it.
    """

    part: str
    tokenizer: str
    prefixes: tuple[str, ...]
    needed: bool = True


@dataclass(frozen=True, slots=True)
class FlowFamily:
    """A family.

    :ivar pipelines: the kinds of diffusers folders that are of it.
    :ivar marks: names of tensors that a transformer of it has, in the layout of its makers.
    :ivar first: the tensor that takes the latents, and how many numbers it takes.
    :ivar channels: of its latents. :ivar in_channels: what diffusers says that the transformer takes.
    """

    name: str
    title: str
    pipelines: tuple[str, ...]
    marks: tuple[str, ...]
    first: tuple[str, int]
    texts: tuple[TextPart, ...]
    channels: int = 16
    in_channels: int = 64

    def has(self, part: str, parts: Collection[str]) -> bool:
        """Whether one of its text encoders is read: it is needed, or there."""
        return part in parts or any(text.needed for text in self.texts if text.part == part)


_CLIP_L = ("text_encoders.clip_l.transformer.",)
_CLIP_G = ("text_encoders.clip_g.transformer.",)
_T5 = ("text_encoders.t5xxl.transformer.",)
_QWEN_VL = ("text_encoders.qwen25_7b.transformer.",)
_QWEN = ("text_encoders.qwen3_4b.transformer.", "text_encoders.qwen3_8b.transformer.")
_FLUX_TEXTS = (
    TextPart("text_encoder", "tokenizer", _CLIP_L),
    TextPart("text_encoder_2", "tokenizer_2", _T5),
)
_FLUX_MARKS = ("double_blocks.0.img_mod.lin.weight", "vector_in.in_layer.weight")
GUIDANCE = "guidance_in.in_layer.weight"
"""A Flux transformer that has it is told how far to follow the prompt; schnell and klein have not."""

FLOW_FAMILIES: Mapping[str, FlowFamily] = {
    one.name: one
    for one in (
        FlowFamily(
            SD3, "Stable Diffusion 3 and 3.5", ("StableDiffusion3Pipeline",),
            ("joint_blocks.0.x_block.attn.qkv.weight", "pos_embed"),
            ("x_embedder.proj.weight", 16),
            (
                TextPart("text_encoder", "tokenizer", _CLIP_L),
                TextPart("text_encoder_2", "tokenizer_2", _CLIP_G),
                TextPart("text_encoder_3", "tokenizer_3", _T5, needed=False),
            ),
            in_channels=16,
        ),
        FlowFamily(
            FLUX, "Flux.1 dev", ("FluxPipeline",), (*_FLUX_MARKS, GUIDANCE), ("img_in.weight", 64),
            _FLUX_TEXTS,
        ),
        FlowFamily(
            SCHNELL, "Flux.1 schnell", ("FluxPipeline",), _FLUX_MARKS, ("img_in.weight", 64), _FLUX_TEXTS
        ),
        FlowFamily(
            QWEN_IMAGE, "Qwen-Image", ("QwenImagePipeline",),
            ("transformer_blocks.0.img_mod.1.weight", "txt_norm.weight"),
            ("img_in.weight", 64),
            (TextPart("text_encoder", "tokenizer", _QWEN_VL),),
        ),
        FlowFamily(
            Z_IMAGE, "Z-Image", ("ZImagePipeline",),
            ("cap_pad_token", "noise_refiner.0.attention.qkv.weight"),
            ("x_embedder.weight", 64),
            (TextPart("text_encoder", "tokenizer", _QWEN),),
            in_channels=16,
        ),
        FlowFamily(
            KLEIN, "Flux.2 klein", ("Flux2KleinPipeline",),
            ("double_stream_modulation_img.lin.weight", "single_stream_modulation.lin.weight"),
            ("img_in.weight", 128),
            (TextPart("text_encoder", "tokenizer", _QWEN),),
            channels=32, in_channels=128,
        ),
    )
}  # fmt: skip
FLOW_PIPELINES = tuple(dict.fromkeys(kind for one in FLOW_FAMILIES.values() for kind in one.pipelines))
"""The kinds of diffusers folders that are of these families."""


def flow_family_of(shapes: Shapes) -> tuple[FlowFamily, str] | None:
    """The family of a single file in the layout of its makers, and what stands before its transformer's
    names."""
    for prefix in PREFIXES:
        for family in FLOW_FAMILIES.values():
            other = family.name == KLEIN and prefix + GUIDANCE in shapes
            if not other and all(prefix + mark in shapes for mark in family.marks):
                return family, prefix
    return None


def takes(family: FlowFamily, shapes: Shapes, prefix: str) -> int:
    """How many numbers its transformer takes for a patch: others than the family's are of another kind."""
    shape = shapes.get(prefix + family.first[0], ())
    return shape[1] if len(shape) > 1 else 0


def flow_family_of_folder(pipeline: str, guided: bool) -> FlowFamily | None:
    """The family of a diffusers folder.

    :param guided: its transformer is told the guidance.
    """
    found = next((one for one in FLOW_FAMILIES.values() if pipeline in one.pipelines), None)
    return FLOW_FAMILIES[SCHNELL] if found is not None and found.name == FLUX and not guided else found


def missing_parts(family: FlowFamily, shapes: Shapes) -> list[str]:
    """The parts that a single file has not: ``vae``, and text encoders."""
    wanted = {"vae": VAE_PREFIXES} | {one.part: one.prefixes for one in family.texts if one.needed}
    return [
        part for part, prefixes in wanted.items() if not any(name.startswith(prefixes) for name in shapes)
    ]
