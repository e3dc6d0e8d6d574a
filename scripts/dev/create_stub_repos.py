"""Write tiny model repositories with random weights, so that loading code is tested without a model.

    python scripts/dev/create_stub_repos.py OUT [--seed N] [--family sd15]

Each is a diffusers folder ``OUT/<family>-stub``, well under 2 MB, that loads like a real one and draws noise,
and the same weights in the single-file layout of the family's makers, ``OUT/<family>-stub.safetensors``. The
same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection
from transformers.utils.logging import disable_progress_bar

sys.path.insert(0, str(Path(__file__).resolve().parent))

from demo_model.open_clip import open_clip_state
from demo_model.singlefile import unet_state, vae_state

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
# A few merges, so that the byte pair encoding has something to do.
MERGES = (
    "r e",
    "re d</w>",
    "b l",
    "bl u",
    "blu e</w>",
    "c a",
    "ca t</w>",
    "o n</w>",
    "a n",
    "t h",
    "th e</w>",
)
TEXT_LENGTH = 77
TEXT_WIDTH = 32
LATENT_CHANNELS = 4
SIZE_WIDTH = 8
OPEN_CLIP_PAD = "!"
# Small enough that the weights of ten layers still give pictures without NaN.
WEIGHT_SCALE = 0.05


def vocabulary() -> dict[str, int]:
    """Every byte as CLIP writes it, alone and at the end of a word, then the merges, then the two marks."""
    letters = byte_letters()
    pieces = [*letters, *(letter + END_OF_WORD for letter in letters)]
    pieces += ["".join(merge.split(" ")) for merge in MERGES]
    return {piece: number for number, piece in enumerate([*pieces, BOS, EOS])}


def byte_letters() -> list[str]:
    """A visible letter for each byte, in the order of the original CLIP vocabulary."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = 256 - len(visible)
    return [chr(code) for code in visible] + [chr(256 + number) for number in range(hidden)]


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Text:
    """A text encoder of a family: its part, where it lies in a single file, and its kind."""

    part: str = "text_encoder"
    prefix: str = "cond_stage_model.transformer."
    open_clip: bool = False
    projects: bool = False

    @property
    def tokenizer(self) -> str:
        return self.part.replace("text_encoder", "tokenizer")


@dataclass(frozen=True)
class Stub:
    """A family: the class of its pipeline, its text encoders, and what its UNet and schedule differ in."""

    pipeline: str = "StableDiffusionPipeline"
    texts: tuple[Text, ...] = (Text(),)
    unet: dict[str, Any] = field(default_factory=dict)
    scheduler: dict[str, Any] = field(default_factory=dict)
    index: dict[str, Any] = field(default_factory=dict)
    scaling: float = 0.18215


def write_tokenizer(folder: Path, pad: str = EOS) -> int:
    """A CLIP tokenizer in its original files. Gives the size of its vocabulary."""
    words = vocabulary()
    write_json(folder / "vocab.json", words)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n", encoding="utf-8")
    marks = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": pad}
    write_json(folder / "special_tokens_map.json", marks)
    config = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": TEXT_LENGTH,
        "do_lower_case": True,
        **marks,
    }
    write_json(folder / "tokenizer_config.json", config)
    return len(words)


def fill(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Random weights, drawn in the order of their names, so that no library's own initialisation matters."""
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator) * WEIGHT_SCALE
            # The gains of norms stay around one, or the signal dies on its way.
            weight.copy_(noise + 1 if weight.ndim == 1 and name.endswith("weight") else noise)


def write_text_encoder(folder: Path, words: int, text: Text, generator: torch.Generator) -> Any:
    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TEXT_LENGTH,
        hidden_act="gelu" if text.open_clip else "quick_gelu",
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=0 if text.open_clip else words - 1,
    )
    encoder = (CLIPTextModelWithProjection if text.projects else CLIPTextModel)(config)
    fill(encoder, generator)
    encoder.save_pretrained(folder)
    return encoder


def write_unet(folder: Path, changes: dict[str, Any], generator: torch.Generator) -> Any:
    plain = {
        "sample_size": 8,
        "in_channels": LATENT_CHANNELS,
        "out_channels": LATENT_CHANNELS,
        "block_out_channels": (16, 32),
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": 2,
        "norm_num_groups": 4,
    }
    unet = UNet2DConditionModel(**{**plain, **changes})
    fill(unet, generator)
    unet.save_pretrained(folder)
    return unet


def write_vae(folder: Path, scaling: float, generator: torch.Generator) -> Any:
    # Four blocks, since a latent is an eighth of the picture.
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=scaling,
    )
    fill(vae, generator)
    vae.save_pretrained(folder)
    return vae


SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}


def index_of(stub: Stub) -> dict[str, Any]:
    """What says which library reads which part. A part that the family has not is named with nulls."""
    xl = "XL" in stub.pipeline
    names = ("text_encoder", "text_encoder_2") if xl else ("text_encoder",)
    index: dict[str, Any] = {"_class_name": stub.pipeline, "_diffusers_version": "0.30.0"}
    if not xl:
        index |= {name: [None, None] for name in ("feature_extractor", "safety_checker")}
        index["requires_safety_checker"] = False
    for name in names:
        text = next((text for text in stub.texts if text.part == name), None)
        kind = "CLIPTextModelWithProjection" if text is not None and text.projects else "CLIPTextModel"
        index[name] = ["transformers", kind] if text is not None else [None, None]
        tokenizer = ["transformers", "CLIPTokenizer"] if text is not None else [None, None]
        index[name.replace("text_encoder", "tokenizer")] = tokenizer
    index["scheduler"] = ["diffusers", "PNDMScheduler"]
    index |= {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    return {**index, **stub.index}


def write_stub(folder: Path, stub: Stub, seed: int) -> None:
    """Both layouts, with the same weights."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}
    for text in stub.texts:
        words = write_tokenizer(folder / text.tokenizer, OPEN_CLIP_PAD if text.open_clip else EOS)
        encoder = write_text_encoder(folder / text.part, words, text, generator)
        state |= text_state(encoder.state_dict(), text)
    state |= original_unet(write_unet(folder / "unet", stub.unet, generator))
    state |= vae_state(write_vae(folder / "vae", stub.scaling, generator))
    write_json(folder / "scheduler" / "scheduler_config.json", {**SCHEDULER, **stub.scheduler})
    write_json(folder / "model_index.json", index_of(stub))
    tensors = {name: state[name].detach().contiguous() for name in sorted(state)}
    save_file(tensors, folder.with_suffix(".safetensors"), metadata={"format": "pt"})


def original_unet(unet: Any) -> dict[str, Tensor]:
    """With the layer that reads the guidance scale, where there is one."""
    guided, unet.time_embedding.cond_proj = unet.time_embedding.cond_proj, None
    state = dict(unet_state(unet))
    unet.time_embedding.cond_proj = guided
    if guided is not None:
        state["model.diffusion_model.time_embed.cond_proj.weight"] = guided.weight
    return state


def text_state(weights: dict[str, Tensor], text: Text) -> dict[str, Tensor]:
    if text.open_clip:
        return open_clip_state(weights, text.prefix)
    return {f"{text.prefix}text_model.{name.removeprefix('text_model.')}": x for name, x in weights.items()}


def sizes(numbers: int, texts: int) -> dict[str, Any]:
    """A UNet that is told the size of the picture in so many numbers, and the text in so many widths."""
    return {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": SIZE_WIDTH,
        "projection_class_embeddings_input_dim": TEXT_WIDTH + numbers * SIZE_WIDTH,
        "cross_attention_dim": texts * TEXT_WIDTH,
        "use_linear_projection": True,
        "transformer_layers_per_block": (2, 1),
        "attention_head_dim": (2, 4),
    }


FIRST = Text(prefix="conditioner.embedders.0.transformer.")
SECOND = Text("text_encoder_2", "conditioner.embedders.1.model.", open_clip=True, projects=True)
ONLY_SECOND = Text("text_encoder_2", "conditioner.embedders.0.model.", open_clip=True, projects=True)
FAMILIES: dict[str, Stub] = {
    "sd15": Stub(),
    "sd15-inpaint": Stub("StableDiffusionInpaintPipeline", unet={"in_channels": 9}),
    "sd15-edit": Stub("StableDiffusionInstructPix2PixPipeline", unet={"in_channels": 8}),
    "sd15-lcm": Stub(
        "LatentConsistencyModelPipeline",
        unet={"time_cond_proj_dim": 16},
        scheduler={"_class_name": "LCMScheduler"},
    ),
    "sd21": Stub(
        texts=(Text(prefix="cond_stage_model.model.", open_clip=True),),
        unet={"use_linear_projection": True},
        scheduler={"prediction_type": "v_prediction"},
    ),
    "sdxl": Stub(
        "StableDiffusionXLPipeline",
        (FIRST, SECOND),
        unet=sizes(6, 2),
        index={"force_zeros_for_empty_prompt": True},
        scaling=0.13025,
    ),
    "sdxl-refiner": Stub(
        "StableDiffusionXLImg2ImgPipeline",
        (ONLY_SECOND,),
        unet=sizes(5, 1),
        index={"force_zeros_for_empty_prompt": False, "requires_aesthetics_score": True},
        scaling=0.13025,
    ),
}
"""What each family is made of."""


FLOW = ("sd3", "flux", "flux-schnell", "qwen-image", "z-image", "flux2-klein")
"""Those of transformers, of which ``flow_stubs.py`` says what they are made of."""


def create(out: Path, seed: int = 0, families: tuple[str, ...] = (*FAMILIES, *FLOW)) -> list[Path]:
    """Write the repositories and give their folders."""
    torch.set_num_threads(1)
    disable_progress_bar()
    folders = []
    for family in families:
        folder = out / f"{family}-stub"
        if family in FLOW:
            from flow_stubs import write_flow_stub

            write_flow_stub(folder, family, seed)
        else:
            write_stub(folder, FAMILIES[family], seed)
        folders.append(folder)
    return folders


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write tiny model repositories with random weights.")
    parser.add_argument("out", type=Path, help="folder to write them to")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes")
    parser.add_argument(
        "--family", choices=sorted((*FAMILIES, *FLOW)), action="append", help="only this one; may be repeated"
    )
    arguments = parser.parse_args(argv)
    families = tuple(arguments.family or (*FAMILIES, *FLOW))
    for folder in create(arguments.out, arguments.seed, families):
        print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
