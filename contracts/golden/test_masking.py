"""The part of a picture that inpainting at full resolution works on. The fill is compared elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.golden.cases import Golden, parametrize_items
from core.domain.geometry import Box, Size, crop_region, expand_to_aspect


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize_items(metafunc, "mask_case", "masking.json")


def test_the_file_is_there(golden: Golden) -> None:
    assert golden.json("masking.json")


def test_crop_region(mask_case: dict[str, Any]) -> None:
    size = Size(*mask_case["size"])
    region = crop_region(_box_of(mask_case), size, mask_case["pad"])
    assert (None if region is None else list(region)) == mask_case["crop"]


def test_expanded_region(mask_case: dict[str, Any]) -> None:
    if mask_case.get("expanded") is not None:
        processing, size = Size(*mask_case["processing"]), Size(*mask_case["size"])
        assert list(expand_to_aspect(Box(*mask_case["crop"]), processing, size)) == mask_case["expanded"]


def _box_of(case: dict[str, Any]) -> Box | None:
    """The bounding box of the non-zero pixels, drawn rectangle after rectangle."""
    width, height = case["size"]
    rows = [bytearray(width) for _ in range(height)]
    for x0, y0, x1, y1, value in case["rects"]:
        for row in rows[y0 : y1 + 1]:
            row[x0 : x1 + 1] = bytes([value]) * (min(x1 + 1, width) - x0)
    ys = [y for y, row in enumerate(rows) if any(row)]
    xs = [x for x in range(width) if any(row[x] for row in rows)]
    return Box(xs[0], ys[0], xs[-1] + 1, ys[-1] + 1) if xs else None
