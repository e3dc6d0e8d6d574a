"""Previews, in each of the ways that the option knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from adapters.backends.torch.families.kinds import FAMILIES
from adapters.backends.torch.latents import decode, encode_floats
from adapters.backends.torch.model import LoadedModel
from adapters.backends.torch.precision import WideCopies
from adapters.backends.torch.previews import CHEAP, FULL, SMALL_VAE, TINY, Previews
from core.domain.families import SDXL


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


class LinearVae(torch.nn.Module):
    """Its latents are a mixture of the colours of each cell; in half precision it gives NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.mixture = torch.nn.Parameter(torch.randn(4, 3, generator=torch.Generator().manual_seed(1)))
        self.config = SimpleNamespace(scaling_factor=0.5, shift_factor=0.25)

    def encode(self, pixels: Tensor) -> Any:
        cells = torch.nn.functional.avg_pool2d(pixels, 8).to(self.mixture.dtype)
        mean = torch.einsum("nrhw,cr->nchw", cells, self.mixture) + 1.0
        mean = mean * float("nan") if pixels.dtype == torch.float16 else mean
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=mean))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_the_cheap_one_of_another_family_learns_its_colours_from_the_vae(
    demo_model: LoadedModel, dtype: torch.dtype
) -> None:
    vae = LinearVae().to(dtype)
    model = replace(demo_model, vae=vae, dtype=dtype, family=FAMILIES[SDXL], wide=WideCopies())
    color = torch.tensor([0.9, 0.2, 0.4])
    pixels = color[None, :, None, None].expand(1, 3, 16, 16)
    latent = encode_floats(replace(model, vae=LinearVae(), dtype=torch.float32), pixels)
    previews = Previews()
    drawn = previews.of(model, latent, CHEAP)()
    assert drawn.size == (2, 2)
    assert np.abs(np.array(list(drawn.pixels[:3])) - color.numpy() * 255).max() <= 2
    assert previews.of(model, latent, CHEAP)() == drawn


def test_a_family_without_a_tiny_decoder_asks_its_vae(
    demo_model: LoadedModel, latent: Tensor, tmp_path: Path
) -> None:
    model = replace(demo_model, family=replace(FAMILIES[SDXL], name="other"))
    assert Previews(tmp_path).of(model, latent, TINY)() == decode(demo_model, latent[:1])[0]


def test_a_large_vae_is_not_asked_for_a_preview(demo_model: LoadedModel, latent: Tensor) -> None:
    vae = LinearVae()
    vae.rest = torch.nn.Parameter(torch.empty(SMALL_VAE, device="meta"))
    assert Previews().of(replace(demo_model, vae=vae), latent, "Approx NN")().size == (8, 8)
