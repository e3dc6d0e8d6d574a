"""img2img and inpainting with the built-in model, through the whole runner."""

from __future__ import annotations

import numpy as np
import pytest

from serena import Serena
from tests.unit.adapters.backends.torch.rig import distance, half_mask, pixels, redraw, smooth_picture

INPAINT = {"denoising_strength": 0.9, "mask_blur": 0, "inpaint_full_res": False, "steps": 6}


@pytest.mark.parametrize("sampler", ["Euler", "DDIM", "DPM++ 2M SDE"])
@pytest.mark.parametrize("fill", [0, 1, 2, 3])
def test_outside_the_mask_no_byte_changes(demo: Serena, sampler: str, fill: int) -> None:
    start = smooth_picture()
    drawn = redraw(demo, start, half_mask(), **INPAINT, inpainting_fill=fill, sampler_name=sampler)
    assert np.array_equal(drawn[:, :32], pixels(start)[:, :32])
    assert distance(drawn[:, 32:], pixels(start)[:, 32:]) > 20


def test_the_four_fills_differ(demo: Serena) -> None:
    drawn = [
        redraw(demo, smooth_picture(), half_mask(), **INPAINT, inpainting_fill=fill) for fill in range(4)
    ]
    pairs = [(i, j) for i in range(4) for j in range(i)]
    assert all(distance(drawn[i], drawn[j]) > 5 for i, j in pairs)


def test_latent_noise_is_that_of_the_seed_alone(demo: Serena) -> None:
    """A variation seed changes the noise that is added, not what the mask is filled with: at a strength where
    hardly any is added, the pictures agree."""
    changes = {**INPAINT, "denoising_strength": 0.0, "inpainting_fill": 2, "steps": 20}
    plain, varied = (
        redraw(demo, smooth_picture(), half_mask(), **changes, subseed=3, subseed_strength=strength)
        for strength in (0.0, 0.9)
    )
    assert np.abs(plain - varied).mean() < 3


def test_only_masked_is_drawn_large_and_pasted_back(demo: Serena) -> None:
    start = smooth_picture(128, 128)
    mask = half_mask(128, 128).crop((0, 0, 128, 128))
    mask.paste(0, (0, 0, 128, 64))
    drawn = redraw(demo, start, mask, **{**INPAINT, "inpaint_full_res": True, "inpaint_full_res_padding": 8})
    assert drawn.shape == (128, 128, 3)
    assert np.array_equal(drawn[:64], pixels(start)[:64])
    assert distance(drawn[64:, 64:], pixels(start)[64:, 64:]) > 20


def test_strength_nought_keeps_the_picture_nearly(demo: Serena) -> None:
    start = smooth_picture()
    drawn = redraw(demo, start, denoising_strength=0.0, steps=20)
    assert np.abs(drawn - pixels(start)).mean() < 30


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_every_resize_mode_gives_the_size_asked_for(demo: Serena, mode: int) -> None:
    drawn = redraw(demo, smooth_picture(96, 64), resize_mode=mode, denoising_strength=0.3, steps=3)
    assert drawn.shape == (64, 64, 3)


def test_one_picture_for_each_of_the_batch(demo: Serena) -> None:
    starts = [smooth_picture(), smooth_picture().rotate(90)]
    changes = {"width": 64, "height": 64, "steps": 4, "denoising_strength": 0.4}
    together = demo.img2img("a cat", starts, batch_size=2, seed=5, **changes).images[-2:]
    alone = demo.img2img("a cat", starts[1], seed=6, **changes).images[0]
    assert distance(pixels(together[1]), pixels(alone)) <= 1
