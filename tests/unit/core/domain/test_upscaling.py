"""Sizes and tiles of enlarged pictures."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.errors import InvalidValue
from core.domain.geometry import Size
from core.domain.option_table import OPTIONS
from core.domain.options import OptionRegistry
from core.domain.resources import UpscalerRef
from core.domain.upscaling import Tiling, check_upscaler, enlarged, tile_starts, tile_weights, tiling_of


@pytest.mark.parametrize(
    ("size", "factor", "expected"),
    [
        (Size(64, 64), 2.0, Size(128, 128)),
        (Size(65, 33), 1.5, Size(96, 48)),
        (Size(100, 50), 1.0, Size(96, 48)),
        (Size(3, 3), 2.0, Size(8, 8)),
        (Size(64, 64), 0.5, Size(32, 32)),
    ],
)
def test_sides_are_multiples_of_eight(size: Size, factor: float, expected: Size) -> None:
    assert enlarged(size, factor) == expected


@pytest.mark.parametrize(
    ("length", "tiling", "starts"),
    [
        (192, Tiling(192, 8), (0,)),
        (193, Tiling(192, 8), (0, 1)),
        (376, Tiling(192, 8), (0, 184)),
        (377, Tiling(192, 8), (0, 92, 185)),
        (5000, Tiling(0, 8), (0,)),
    ],
)
def test_where_tiles_begin(length: int, tiling: Tiling, starts: tuple[int, ...]) -> None:
    assert tile_starts(length, tiling) == starts


@settings(deadline=None)
@given(st.integers(1, 700), st.integers(1, 200), st.integers(0, 250))
def test_tiles_cover_every_pixel_and_their_shares_are_one(length: int, tile: int, overlap: int) -> None:
    starts = tile_starts(length, Tiling(tile, overlap))
    weights = tile_weights(length, starts, tile)
    totals = [0.0] * length
    for start, row in zip(starts, weights, strict=True):
        for x, weight in enumerate(row):
            assert weight > 0
            totals[start + x] += weight
    assert totals == pytest.approx([1.0] * length)
    common = [a + tile - b for a, b in pairwise(starts)]
    assert all(width >= min(overlap, tile - max(1, tile // 4)) for width in common)


def test_shares_fade_linearly_over_the_overlap() -> None:
    first, second = tile_weights(12, (0, 4), 8)
    assert first == pytest.approx([1, 1, 1, 1, 0.875, 0.625, 0.375, 0.125])
    assert second == pytest.approx(first[::-1])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("ESRGAN/a.safetensors", Tiling(100, 4)),
        ("SwinIR/a.safetensors", Tiling(100, 4)),
        ("DAT/a.safetensors", Tiling(64, 16)),
        ("ScuNET/a.safetensors", Tiling(256, 8)),
        (None, Tiling(100, 4)),
    ],
)
def test_the_folder_says_whose_options_count(path: str | None, expected: Tiling) -> None:
    options = OptionRegistry(OPTIONS).values(
        {"ESRGAN_tile": 100, "ESRGAN_tile_overlap": 4, "DAT_tile": 64, "DAT_tile_overlap": 16}
    )
    assert tiling_of(UpscalerRef(name="a", path=path), options) == expected


def test_an_unknown_upscaler_is_told_with_those_there_are() -> None:
    check_upscaler("hr_upscaler", "Lanczos", ("Lanczos",))
    with pytest.raises(InvalidValue, match=r"^hr_upscaler is 'nope'; it must be one of None, Lanczos$"):
        check_upscaler("hr_upscaler", "nope", ("None", "Lanczos"))
