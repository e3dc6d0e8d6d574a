"""Noise is that of the torch backend, drawn without torch."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from adapters.backends.onnx.noise import BatchNoise, NoiseSpec, slerp
from adapters.backends.shared.mersenne import MersenneGenerator
from adapters.backends.torch.noise import BatchNoise as TorchNoise
from adapters.backends.torch.noise import NoiseSpec as TorchSpec
from adapters.backends.torch.noise import slerp as torch_slerp

SPEC = NoiseSpec(seeds=(1, 2**40), subseeds=(7, 8), subseed_strength=0.0, shape=(4, 9, 5))
SPAN = (0.03, 14.6)


def torchs(spec: NoiseSpec) -> TorchNoise:
    told = asdict(spec)
    source = "NV" if told.pop("philox") else "CPU"
    return TorchNoise(TorchSpec(**told, source=source, device=torch.device("cpu")), SPAN)


@pytest.mark.parametrize("seed", [0, 5, 2**32 + 5, 2**63 + 1, -1])
def test_the_numbers_of_torch(seed: int) -> None:
    ours, theirs = MersenneGenerator(seed), torch.Generator().manual_seed(seed % 2**64)
    for shape in ((4, 8, 8), (4, 5, 7), (17,), (3, 4, 4)):
        drawn = torch.randn(shape, generator=theirs).numpy()
        assert np.allclose(ours.randn(shape), drawn, atol=1e-6)


def test_a_draw_is_not_smaller_than_a_latent() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        MersenneGenerator(1).randn((3, 5))


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, philox=True),
        replace(SPEC, subseed_strength=0.4, ensd=31337),
        replace(SPEC, resize_from=(12, 3)),
        replace(SPEC, resize_from=(3, 12), subseed_strength=1.0),
    ],
)
def test_every_draw_is_that_of_the_torch_backend(spec: NoiseSpec) -> None:
    ours, theirs = BatchNoise(spec, SPAN), torchs(spec)
    assert ours.images == 2
    assert np.allclose(ours.first(), theirs.first().numpy(), atol=1e-5)
    assert np.allclose(ours.draw(), theirs.draw().numpy(), atol=1e-5)
    assert np.allclose(ours.unvaried(), theirs.unvaried().numpy(), atol=1e-5)
    for pair in ((14.6, 3.0), (3.0, 0.5), (0.5, 3.0)):
        assert np.allclose(ours.between(*pair), theirs.between(*pair).numpy(), atol=1e-4)


def test_rows_that_are_almost_parallel_are_blended_straight() -> None:
    low = np.random.default_rng(1).standard_normal((4, 3, 5)).astype(np.float32)
    high = low * np.float32(1.001)
    theirs = torch_slerp(0.3, torch.from_numpy(low), torch.from_numpy(high))
    assert np.allclose(slerp(0.3, low, high), theirs.numpy(), atol=1e-6)
