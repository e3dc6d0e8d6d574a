from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import InvalidValue
from core.domain.geometry import (
    Box,
    HiresRequest,
    Size,
    expand_to_aspect,
    grid_shape,
    hires_sizes,
    makes_grid,
    masked_region,
    paste_to,
    resize_plan,
    upscale_factor,
    upscaler_target,
)

SIDE = st.integers(1, 300)
SIZE = st.builds(Size, SIDE, SIDE)


@pytest.mark.parametrize(
    ("hires", "first", "upscaled", "final"),
    [
        (HiresRequest(64, 64), (64, 64), (128, 128), (128, 128)),
        (HiresRequest(64, 96, scale=1.1), (64, 96), (70, 105), (64, 104)),
        (HiresRequest(64, 128, resize_x=96), (64, 128), (96, 192), (96, 192)),
        (HiresRequest(64, 128, resize_y=96), (64, 128), (48, 96), (48, 96)),
        (HiresRequest(64, 64, resize_x=96, resize_y=128), (64, 64), (128, 128), (96, 128)),
        (HiresRequest(64, 64, resize_x=128, resize_y=96), (64, 64), (128, 128), (128, 96)),
        (HiresRequest(640, 480, firstphase_width=64, firstphase_height=32), (64, 32), (128, 64), (128, 64)),
        (HiresRequest(1024, 1024, old_sizes=True), (512, 512), (1024, 1024), (1024, 1024)),
        (HiresRequest(1920, 1080, old_sizes=True), (704, 384), (1980, 1080), (1920, 1080)),
    ],
)
def test_hires_sizes(hires: HiresRequest, first: Size, upscaled: Size, final: Size) -> None:
    sizes = hires_sizes(hires)
    assert (sizes.first, sizes.upscaled, sizes.final) == (first, upscaled, final)


@pytest.mark.parametrize("hires", [HiresRequest(64, 64, scale=0.1), HiresRequest(4, 64), HiresRequest(64, 0)])
def test_hires_sizes_without_a_pixel_are_refused(hires: HiresRequest) -> None:
    with pytest.raises(InvalidValue):
        hires_sizes(hires)


@given(st.integers(8, 2000), st.integers(8, 2000), st.integers(8, 2000), st.integers(8, 2000))
def test_resizing_to_both_sides_covers_and_cuts(w: int, h: int, x: int, y: int) -> None:
    sizes = hires_sizes(HiresRequest(w, h, resize_x=x, resize_y=y))
    assert sizes.truncate_x >= 0 or sizes.truncate_y >= 0
    assert sizes.final.width // 8 >= x // 8 - 1
    assert sizes.final.height // 8 >= y // 8 - 1


@pytest.mark.parametrize(
    ("mode", "source", "target", "scaled", "at"),
    [
        (0, (10, 10), (30, 20), (30, 20), (0, 0)),
        (1, (10, 10), (30, 20), (30, 30), (0, -5)),
        (1, (64, 64), (64, 128), (128, 128), (-32, 0)),
        (2, (64, 64), (64, 128), (64, 64), (0, 32)),
        (2, (10, 10), (30, 20), (20, 20), (5, 0)),
        (2, (10, 10), (30, 30), (30, 30), (0, 0)),
        (2, (1, 1000), (8, 8), (1, 8), (4, 0)),
        (3, (10, 10), (30, 20), (10, 10), (0, 0)),
    ],
)
def test_resize_modes(mode: int, source: Size, target: Size, scaled: Size, at: tuple[int, int]) -> None:
    plan = resize_plan(mode, Size(*source), Size(*target))
    assert plan.scaled == scaled
    assert (plan.x, plan.y) == at
    assert plan.canvas == (source if mode == 3 else target)


def test_an_unknown_resize_mode_is_refused() -> None:
    with pytest.raises(InvalidValue):
        resize_plan(4, Size(1, 1), Size(2, 2))


def test_borders_stretch_the_edge_lines() -> None:
    above, below = resize_plan(2, Size(64, 64), Size(64, 129)).borders
    assert above == (Box(0, 0, 64, 32), Box(0, 0, 64, 1))
    assert below == (Box(0, 96, 64, 129), Box(0, 63, 64, 64))


@given(SIZE, SIZE)
def test_filling_leaves_no_hole(source: Size, target: Size) -> None:
    plan = resize_plan(2, source, target)
    area = plan.scaled.width * plan.scaled.height
    area += sum(border.target.width * border.target.height for border in plan.borders)
    assert area >= target.width * target.height


@given(SIZE, SIZE)
def test_cropping_covers(source: Size, target: Size) -> None:
    plan = resize_plan(1, source, target)
    assert plan.x <= 0
    assert plan.y <= 0
    assert plan.scaled.width >= target.width
    assert plan.scaled.height >= target.height


def test_upscaling() -> None:
    assert upscale_factor(Size(64, 32), Size(128, 128)) == 4.0
    assert upscaler_target(Size(65, 33), 1.5) == (96, 48)


BOXES = st.tuples(SIZE, SIZE, SIZE, SIZE).map(
    lambda sizes: (
        sizes[0],
        sizes[1],
        Box(
            min(sizes[2].width, sizes[0].width) - 1,
            min(sizes[2].height, sizes[0].height) - 1,
            min(max(sizes[2].width, sizes[3].width), sizes[0].width),
            min(max(sizes[2].height, sizes[3].height), sizes[0].height),
        ),
    )
)


@given(BOXES, st.integers(0, 64))
def test_the_masked_region_lies_in_the_picture_and_holds_the_mask(
    case: tuple[Size, Size, Box], padding: int
) -> None:
    image, processing, mask = case
    region = masked_region(mask, image, processing, padding)
    assert region is not None
    assert 0 <= region.x1 <= mask.x1 < mask.x2 <= region.x2 <= image.width
    assert 0 <= region.y1 <= mask.y1 < mask.y2 <= region.y2 <= image.height
    assert paste_to(region) == (region.x1, region.y1, region.width, region.height)


def test_an_empty_mask_has_no_region() -> None:
    assert masked_region(None, Size(10, 10), Size(10, 10), 32) is None


def test_expansion_shifts_at_the_edge() -> None:
    assert expand_to_aspect(Box(0, 0, 10, 40), Size(64, 64), Size(100, 100)) == (0, 0, 40, 40)
    assert expand_to_aspect(Box(60, 90, 100, 100), Size(64, 64), Size(100, 100)) == (60, 60, 100, 100)


@pytest.mark.parametrize(
    ("count", "options", "expected"),
    [
        (4, {}, (2, 2)),
        (6, {}, (2, 3)),
        (5, {}, (2, 3)),
        (7, {"prevent_empty_spots": True}, (1, 7)),
        (12, {"prevent_empty_spots": True}, (3, 4)),
        (6, {"n_rows": 0, "batch_size": 3}, (3, 2)),
        (3, {"n_rows": 8}, (3, 1)),
        (1, {}, (1, 1)),
        (0, {}, (1, 1)),
    ],
)
def test_grid_shape(count: int, options: dict[str, int], expected: tuple[int, int]) -> None:
    assert grid_shape(count, **options) == expected  # type: ignore[arg-type]


def test_when_there_is_a_grid() -> None:
    assert makes_grid(2, wanted=True)
    assert not makes_grid(1, wanted=True)
    assert makes_grid(1, wanted=True, only_if_multiple=False)
    assert not makes_grid(2, wanted=False)
    assert not makes_grid(2, wanted=True, do_not_save_grid=True)
