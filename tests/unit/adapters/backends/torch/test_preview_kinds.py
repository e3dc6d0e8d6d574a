"""Previews, in each of the ways that the option knows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from adapters.backends.torch.latents import decode
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.previews import CHEAP, FULL, TINY, Previews


@pytest.fixture
def latent() -> Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("kind", [FULL, "Approx NN", TINY])
def test_a_small_vae_is_asked_itself(demo_model: LoadedModel, latent: Tensor, kind: str) -> None:
    assert Previews().of(demo_model, latent, kind)() == decode(demo_model, latent[:1])[0]


def test_the_cheap_one_has_a_pixel_for_each_cell(demo_model: LoadedModel, latent: Tensor) -> None:
    assert Previews().of(demo_model, latent, CHEAP)().size == (8, 8)


def test_a_tiny_decoder_is_used_where_it_is_there(
    demo_model: LoadedModel, latent: Tensor, tmp_path: Path
) -> None:
    from diffusers import AutoencoderTiny

    torch.manual_seed(0)
    small = AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4, latent_channels=4
    )
    small.save_pretrained(tmp_path / "VAE-approx" / "taesd")
    previews = Previews(tmp_path)
    drawn = previews.of(demo_model, latent, TINY)()
    assert drawn.size == (64, 64)
    assert drawn != decode(demo_model, latent[:1])[0]
    with torch.inference_mode():
        expected = small.eval().decode(latent[:1]).sample[0].permute(1, 2, 0)
    found = np.frombuffer(drawn.pixels, np.uint8).reshape(64, 64, 3)
    wanted = ((expected + 1) / 2).clamp(0, 1).mul(255).to(torch.uint8).numpy()
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1
