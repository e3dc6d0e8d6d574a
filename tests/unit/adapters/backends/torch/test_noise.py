"""Brownian paths against torchsde's, and what the golden values leave open."""

from __future__ import annotations

import random
import warnings
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import torchsde
from torch import Tensor

from adapters.backends.shared.brownian import BrownianTree
from adapters.backends.torch.noise import BatchNoise, NoiseSpec, RandnSource, seed_resize_cells, slerp
from tests.unit.adapters.backends.torch.rig import CPU

SHAPE = (4, 6, 5)
LOW, HIGH = (torch.tensor(end).item() for end in (0.0291675, 14.6146421))
SPEC = NoiseSpec(seeds=(1, 2), subseeds=(7, 8), subseed_strength=0.0, shape=SHAPE, source="CPU", device=CPU)


def randn(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", [0, 5, 2**40])
def test_the_numbers_of_torchsde(seed: int) -> None:
    theirs = torchsde.BrownianTree(torch.tensor(LOW), torch.zeros(SHAPE), t1=torch.tensor(HIGH), entropy=seed)
    ours, chance = BrownianTree(LOW, HIGH, seed, randn), random.Random(seed)
    times = [torch.tensor(chance.uniform(LOW, HIGH)).item() for _ in range(40)] + [LOW, HIGH]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for start, end in pairwise(times):
            low, high = min(start, end), max(start, end)
            assert torch.equal(ours.between(low, high), theirs(low, high))


def test_a_path_adds_up() -> None:
    tree = BrownianTree(LOW, HIGH, 3, randn)
    parts = tree.between(LOW, 1.0) + tree.between(1.0, 5.0) + tree.between(5.0, HIGH)
    assert torch.allclose(parts, tree.between(LOW, HIGH), atol=1e-4)


def test_nothing_passes_in_no_time_and_outside_the_range() -> None:
    tree = BrownianTree(LOW, HIGH, 3, randn)
    assert not tree.between(2.0, 2.0).any()
    assert not tree.between(HIGH, HIGH + 1).any()
    assert torch.equal(tree.between(-1.0, HIGH + 1), tree.between(LOW, HIGH))


def test_a_path_forgets_nothing_that_it_cannot_draw_again() -> None:
    tree, fresh = BrownianTree(LOW, HIGH, 3, randn), BrownianTree(LOW, HIGH, 3, randn)
    for step in range(1, 100):
        tree.between(step / 10, step / 10 + 0.1)
    assert torch.equal(tree.between(0.1, 0.2), fresh.between(0.1, 0.2))


@pytest.mark.parametrize("source", ["CPU", "GPU", "NV"])
def test_brownian_noise_of_a_picture_is_its_own(source: RandnSource) -> None:
    both = BatchNoise(replace(SPEC, source=source), (LOW, HIGH)).between(10.0, 5.0)
    alone = BatchNoise(replace(SPEC, source=source, seeds=(2,)), (LOW, HIGH)).between(10.0, 5.0)
    assert torch.equal(both[1:], alone)
    assert torch.equal(both, -BatchNoise(replace(SPEC, source=source), (LOW, HIGH)).between(5.0, 10.0))


def test_the_nv_source_draws_brownian_noise_of_its_own() -> None:
    cpu, nv = (
        BatchNoise(replace(SPEC, source=source), (LOW, HIGH)).between(10.0, 5.0) for source in ("CPU", "NV")
    )
    assert not torch.allclose(cpu, nv, atol=0.1)


def test_brownian_noise_needs_a_range() -> None:
    with pytest.raises(ValueError, match="range"):
        BatchNoise(SPEC).between(10.0, 5.0)


def test_unvaried_noise_is_that_of_the_seeds() -> None:
    varied = replace(SPEC, subseed_strength=0.7, resize_from=(3, 3), ensd=5)
    assert torch.equal(BatchNoise(varied).unvaried(), BatchNoise(SPEC).first())
    assert not torch.equal(BatchNoise(varied).first(), BatchNoise(SPEC).first())


def test_no_seed_resize_without_both_sides() -> None:
    assert seed_resize_cells(0, 64) is None
    assert seed_resize_cells(-1, -1) is None
    assert seed_resize_cells(128, 64) == (8, 16)


def test_nearly_parallel_noise_is_blended_the_wrong_way_round() -> None:
    """As the reference does: share 0.25 keeps a quarter of the first."""
    low = torch.ones(1, 4, 4)
    assert torch.allclose(slerp(0.25, low, low * 5), low * 0.25 + low * 5 * 0.75)
