"""The configurations that come with Serena make networks of the sizes that the families are known for."""

from __future__ import annotations

from typing import Any

import pytest
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from adapters.backends.torch.families.configs import TEXTS, UNETS, VAE
from adapters.backends.torch.families.state import empty
from adapters.backends.torch.families.tokenizers import clip_tokenizer


def count(make: Any) -> int:
    return sum(weight.numel() for weight in empty(make).parameters())


@pytest.mark.parametrize(
    ("family", "weights"),
    [("sd1", 859_520_964), ("sd2", 865_910_724), ("sdxl", 2_567_463_684), ("sdxl-refiner", 2_259_526_660)],
)
def test_unets(family: str, weights: int) -> None:
    assert count(lambda: UNet2DConditionModel.from_config(dict(UNETS[family]))) == weights


def test_the_vae() -> None:
    assert count(lambda: AutoencoderKL.from_config(dict(VAE))) == 83_653_863


@pytest.mark.parametrize(
    ("family", "place", "kind", "weights"),
    [
        ("sd1", 0, CLIPTextModel, 123_060_480),
        ("sd2", 0, CLIPTextModel, 340_387_840),
        ("sdxl", 1, CLIPTextModelWithProjection, 694_659_840),
    ],
)
def test_text_encoders(family: str, place: int, kind: Any, weights: int) -> None:
    assert count(lambda: kind(CLIPTextConfig(**TEXTS[family][place]))) == weights


def test_the_tokenizer_is_clips() -> None:
    tokenizer = clip_tokenizer()
    ids = tokenizer("A person riding, a motorcycle").input_ids
    assert ids == [49406, 320, 2533, 6765, 267, 320, 10297, 49407]
    assert tokenizer.model_max_length == 77
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (49406, 49407)
