"""Masked content "fill" equals the recordings of the reference, byte for byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.images.editor_pillow import PillowImageEditor
from contracts.golden.cases import Golden, golden_of
from core.domain.image import RasterImage


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cases = [case for case in golden_of(metafunc.config).items("masking.json") if "fill" in case]
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", cases, ids=[str(case["fill"]) for case in cases])


def test_the_files_are_there(golden: Golden) -> None:
    assert golden.json("masking.json")
    assert golden.arrays("masking_fill.npz")


def test_fill(golden: Golden, case: dict[str, Any]) -> None:
    recorded = golden.arrays("masking_fill.npz")
    image, expected = recorded[f"fill/{case['fill']}/image"], recorded[f"fill/{case['fill']}/out"]
    filled = PillowImageEditor().fill_masked(raster(image, "RGB"), raster(draw_mask(case), "L"))
    actual = np.frombuffer(filled.pixels, np.uint8).reshape(expected.shape)
    np.testing.assert_array_equal(actual, expected)


def draw_mask(case: dict[str, Any]) -> NDArray[np.uint8]:
    width, height = case["size"]
    mask = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1, value in case["rects"]:
        mask[y0 : y1 + 1, x0 : x1 + 1] = value
    return mask


def raster(pixels: NDArray[np.uint8], mode: Any) -> RasterImage:
    return RasterImage(pixels.shape[1], pixels.shape[0], mode, pixels.tobytes())
