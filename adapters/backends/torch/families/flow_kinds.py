"""What the families of flow-matching transformers differ in, for this backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

from core.domain.flow_families import FLUX, KLEIN, QWEN_IMAGE, SCHNELL, SD3, Z_IMAGE

Config = Mapping[str, Any]


class LongText(Enum):
    """What reads long texts: T5's encoder, or the layers of a language model."""

    T5 = auto()
    QWEN_VL = auto()
    QWEN = auto()


@dataclass(frozen=True, slots=True)
class LongEncoderKind:
    """The text encoder that reads whole sentences.

    :ivar part: its folder in the layout of diffusers; ``tokenizer``: that of its tokenizer.
    :ivar tokens: a text is filled up to so many; 0: it stays as long as it is. Longer ones are not cut.
    :ivar around: what stands before and behind the prompt, as the model was taught.
    :ivar dropped: tokens at the beginning that are left out of the answer.
    :ivar layers: the hidden states that are taken, side by side; counted from the end, or from the beginning.
    """

    part: str
    tokenizer: str
    kind: LongText
    tokens: int = 0
    around: tuple[str, str] = ("", "")
    dropped: int = 0
    layers: tuple[int, ...] = (-1,)


@dataclass(frozen=True, slots=True)
class FlowKind:
    """What is different in a family.

    :ivar transformer: its class in diffusers; ``vae``: that of its VAE.
    :ivar long: its encoder of long texts.
    :ivar scheduler: its configuration where no file tells it.
    :ivar vae_config: the same for its VAE.
    :ivar distilled: it was taught to follow the prompt without guidance: a negative prompt has to ask for it.
    :ivar renormed: guidance changes the direction of each patch and not its length.
    :ivar trailing: its uniform levels are those of its makers.
    :ivar by_steps: they follow from the number of steps as well.
    """

    transformer: str
    long: LongEncoderKind
    vae: str = "AutoencoderKL"
    scheduler: Config = field(default_factory=dict)
    vae_config: Config = field(default_factory=dict)
    distilled: bool = False
    renormed: bool = False
    trailing: bool = True
    by_steps: bool = False

    @property
    def counts_tokens(self) -> bool:
        """Texts differ in length; the context says which of its rows are tokens."""
        return self.long.tokens == 0


def _vae(scaling: float, shift: float) -> Config:
    return {
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "layers_per_block": 2,
        "latent_channels": 16,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
        "scaling_factor": scaling,
        "shift_factor": shift,
    }


_TURN = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
_NO_THOUGHTS = "<think>\n\n</think>\n\n"
_DESCRIBE = (
    "<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, "
    "spatial relationships of the objects and background:<|im_end|>\n"
)
_DESCRIBE_TOKENS = 34
_DYNAMIC: Config = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}
_FLUX_VAE = _vae(0.3611, 0.1159)
_FLUX = "FluxTransformer2DModel"

FLOW_KINDS: Mapping[str, FlowKind] = MappingProxyType(
    {
        SD3: FlowKind(
            "SD3Transformer2DModel",
            LongEncoderKind("text_encoder_3", "tokenizer_3", LongText.T5, tokens=256),
            scheduler={"shift": 3.0},
            vae_config=_vae(1.5305, 0.0609),
            trailing=False,
        ),
        FLUX: FlowKind(
            _FLUX,
            LongEncoderKind("text_encoder_2", "tokenizer_2", LongText.T5, tokens=512),
            scheduler=_DYNAMIC,
            vae_config=_FLUX_VAE,
            distilled=True,
        ),
        SCHNELL: FlowKind(
            _FLUX,
            LongEncoderKind("text_encoder_2", "tokenizer_2", LongText.T5, tokens=256),
            scheduler={"shift": 1.0},
            vae_config=_FLUX_VAE,
            distilled=True,
        ),
        QWEN_IMAGE: FlowKind(
            "QwenImageTransformer2DModel",
            LongEncoderKind(
                "text_encoder", "tokenizer", LongText.QWEN_VL,
                around=(_DESCRIBE + _TURN[0], _TURN[1]), dropped=_DESCRIBE_TOKENS,
            ),
            vae="AutoencoderKLQwenImage",
            scheduler={
                **_DYNAMIC, "max_shift": 0.9, "max_image_seq_len": 8192, "shift_terminal": 0.02
            },
            renormed=True,
        ),
        Z_IMAGE: FlowKind(
            "ZImageTransformer2DModel",
            LongEncoderKind("text_encoder", "tokenizer", LongText.QWEN, around=_TURN, layers=(-2,)),
            scheduler={"shift": 3.0},
            vae_config=_FLUX_VAE,
        ),
        KLEIN: FlowKind(
            "Flux2Transformer2DModel",
            LongEncoderKind(
                "text_encoder", "tokenizer", LongText.QWEN,
                tokens=512, around=(_TURN[0], _TURN[1] + _NO_THOUGHTS), layers=(9, 18, 27),
            ),
            vae="AutoencoderKLFlux2",
            scheduler=_DYNAMIC,
            by_steps=True,
        ),
    }
)  # fmt: skip
