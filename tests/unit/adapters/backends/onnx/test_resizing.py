"""Latents in another size are what torch makes of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from adapters.backends.onnx.resizing import LATENT_MODES, Mode, resized

LATENT = np.random.default_rng(1).standard_normal((2, 4, 9, 7)).astype(np.float32)


@pytest.mark.parametrize("size", [(13, 14), (9, 7), (4, 3), (20, 5)])
@pytest.mark.parametrize(("mode", "antialias"), LATENT_MODES.values())
def test_as_torch_does(mode: Mode, antialias: bool, size: tuple[int, int]) -> None:
    theirs = functional.interpolate(torch.from_numpy(LATENT), size=size, mode=mode, antialias=antialias)
    ours = resized(LATENT, *size, mode, antialias)
    assert ours.dtype == np.float32
    assert np.allclose(ours, theirs.numpy(), atol=1e-5)
