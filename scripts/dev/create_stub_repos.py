"""Write tiny model repositories with random weights, so that loading code is tested without a model.

    python scripts/dev/create_stub_repos.py OUT [--seed N] [--family sd15]

Each is a diffusers folder ``OUT/<family>-stub``, well under 2 MB, that loads like a real one and draws noise.
The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel
from transformers.utils.logging import disable_progress_bar

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


def write_tokenizer(folder: Path) -> int:
    """A CLIP tokenizer in its original files. Gives the size of its vocabulary."""
    words = vocabulary()
    write_json(folder / "vocab.json", words)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n", encoding="utf-8")
    marks = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": EOS}
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


def write_text_encoder(folder: Path, words: int, generator: torch.Generator) -> None:
    config = CLIPTextConfig(
        vocab_size=words,
        hidden_size=TEXT_WIDTH,
        intermediate_size=2 * TEXT_WIDTH,
        projection_dim=TEXT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TEXT_LENGTH,
        bos_token_id=words - 2,
        eos_token_id=words - 1,
        pad_token_id=words - 1,
    )
    encoder = CLIPTextModel(config)
    fill(encoder, generator)
    encoder.save_pretrained(folder)


def write_unet(folder: Path, generator: torch.Generator) -> None:
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    fill(unet, generator)
    unet.save_pretrained(folder)


def write_vae(folder: Path, generator: torch.Generator) -> None:
    # Four blocks, since a latent is an eighth of the picture.
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=0.18215,
    )
    fill(vae, generator)
    vae.save_pretrained(folder)


SD15_SCHEDULER = {
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

SD15_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def sd15(folder: Path, seed: int) -> None:
    """The shape of Stable Diffusion 1.5."""
    generator = torch.Generator().manual_seed(seed)
    words = write_tokenizer(folder / "tokenizer")
    write_text_encoder(folder / "text_encoder", words, generator)
    write_unet(folder / "unet", generator)
    write_vae(folder / "vae", generator)
    write_json(folder / "scheduler" / "scheduler_config.json", SD15_SCHEDULER)
    write_json(folder / "model_index.json", SD15_INDEX)


FAMILIES: dict[str, Callable[[Path, int], None]] = {"sd15": sd15}
"""A function for each family, which fills a folder."""


def create(out: Path, seed: int = 0, families: tuple[str, ...] = tuple(FAMILIES)) -> list[Path]:
    """Write the repositories and give their folders."""
    torch.set_num_threads(1)
    disable_progress_bar()
    folders = []
    for family in families:
        folder = out / f"{family}-stub"
        FAMILIES[family](folder, seed)
        folders.append(folder)
    return folders


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write tiny model repositories with random weights.")
    parser.add_argument("out", type=Path, help="folder to write them to")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes")
    parser.add_argument(
        "--family", choices=sorted(FAMILIES), action="append", help="only this one; may be repeated"
    )
    arguments = parser.parse_args(argv)
    families = tuple(arguments.family or FAMILIES)
    for folder in create(arguments.out, arguments.seed, families):
        print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
