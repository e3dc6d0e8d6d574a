"""Each wrong value is refused by its name."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.errors import InitImageMissing, InvalidRequest, InvalidValue
from core.domain.geometry import HiresRequest, hires_sizes
from core.domain.image import BlobRef
from core.domain.limits import RequestLimits, check_request
from core.domain.request import (
    ExtrasParams,
    GenerationRequest,
    HiresParams,
    InitParams,
    InterrogateParams,
    Kind,
)

LIMITS = RequestLimits(max_pixels=512 * 512, max_images=8, max_steps=150)
FINE = GenerationRequest(denoising_strength=0.5)
BLOB = BlobRef("a")
NAN, INF = math.nan, math.inf


def hires(**fields: Any) -> dict[str, Any]:
    return {"width": 64, "height": 64, "hires": HiresParams(**fields)}


def init(**fields: Any) -> dict[str, Any]:
    return {"kind": Kind.IMG2IMG, "init": InitParams(images=(BLOB,), **fields)}


def extras(**fields: Any) -> dict[str, Any]:
    return {"kind": Kind.EXTRAS, "extras": ExtrasParams(**{"images": (BLOB,), **fields})}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 151}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"n_iter": -1}, "n_iter"),
        ({"batch_size": 3, "n_iter": 3}, "batch_size times n_iter"),
        ({"width": 7}, "width"),
        ({"height": -64}, "height"),
        ({"width": 10**30}, "width"),
        ({"height": 513}, "width times height"),
        ({"cfg_scale": NAN}, "cfg_scale"),
        ({"cfg_scale": 10**400}, "cfg_scale"),
        ({"subseed_strength": INF}, "subseed_strength"),
        ({"eta": -INF}, "eta"),
        ({"denoising_strength": NAN}, "denoising_strength"),
        ({"denoising_strength": -0.1}, "denoising_strength"),
        ({"s_churn": NAN}, "s_churn"),
        ({"s_tmin": INF}, "s_tmin"),
        ({"s_tmax": NAN}, "s_tmax"),
        ({"s_noise": NAN}, "s_noise"),
        ({"s_min_uncond": NAN}, "s_min_uncond"),
        ({"refiner_switch_at": NAN}, "refiner_switch_at"),
        ({"seed": 2**63}, "seed"),
        ({"subseed": -(2**63)}, "subseed"),
        ({"seed_resize_from_w": 10**6, "seed_resize_from_h": 10**6}, "seed_resize_from"),
        ({"denoising_strength": None, **hires()}, "denoising_strength"),
        (hires(scale=NAN), "hr_scale"),
        (hires(scale=INF), "hr_scale"),
        (hires(scale=0), "hr_scale"),
        (hires(scale=9), "hr_scale"),
        (hires(resize_x=10**9), "hr_resize"),
        (hires(resize_y=-8), "hires resize_y"),
        (hires(second_pass_steps=-1), "hr_second_pass_steps"),
        (hires(second_pass_steps=151), "hr_second_pass_steps"),
        (hires(firstphase_width=-1), "hires firstphase_width"),
        (hires(firstphase_width=10**6), "firstphase size"),
        (init(only_masked_padding=-1), "inpaint_full_res_padding"),
        (init(noise_multiplier=NAN), "noise_multiplier"),
        (init(image_cfg_scale=INF), "image_cfg_scale"),
        ({"kind": Kind.EXTRAS}, "extras"),
        (extras(images=()), "extras"),
        (extras(images=(BLOB,) * 9), "extras"),
        (extras(factor=NAN), "upscaling_resize"),
        (extras(width=0), "upscaling_resize_w"),
        (extras(width=10**6), "upscaling_resize_w"),
        (extras(upscaler_2_visibility=2), "upscaler_2_visibility"),
        ({"kind": Kind.INTERROGATE}, "interrogate"),
        ({"styles": ("warm",) * 1001}, "the number of styles is 1001; at most 1000"),
        ({"script_args": (0,) * 10_001}, "the number of script_args"),
    ],
)
def test_a_wrong_value_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidValue, match=named):
        check_request(replace(FINE, **fields), LIMITS)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"s_tmax": INF},
        {"denoising_strength": 1.5},
        {"seed": -5, "subseed": 2**62},
        {"styles": ("warm",) * 1000, "script_args": (0,) * 10_000},
        {"seed_resize_from_w": 10**9},
        hires(scale=8),
        hires(resize_x=256, scale=1000),
        init(mask_blur_x=-4, mask_blur_y=10**9),
        extras(),
        {"kind": Kind.INTERROGATE, "interrogate": InterrogateParams(image=BLOB)},
    ],
)
def test_what_can_be_drawn_passes(fields: dict[str, Any]) -> None:
    check_request(replace(FINE, **fields), LIMITS)


@pytest.mark.parametrize("params", [None, InitParams(images=())])
def test_img2img_needs_a_picture(params: InitParams | None) -> None:
    with pytest.raises(InitImageMissing):
        check_request(replace(FINE, kind=Kind.IMG2IMG, init=params), LIMITS)


NUMBERS = st.floats() | st.integers() | st.just(10**400)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "cfg_scale": NUMBERS, "eta": NUMBERS, "denoising_strength": NUMBERS, "s_churn": NUMBERS,
            "s_noise": NUMBERS, "subseed_strength": NUMBERS, "steps": st.integers(), "seed": st.integers(),
            "width": st.integers(), "height": st.integers(), "batch_size": st.integers(),
        },
    )
)  # fmt: skip
def test_whatever_passes_is_finite_and_small(fields: dict[str, Any]) -> None:
    request = replace(FINE, **fields)
    try:
        check_request(request, LIMITS)
    except InvalidRequest as error:
        said = str(error)
    else:
        said = ""
        assert request.width * request.height <= LIMITS.max_pixels
        assert all(math.isfinite(value) for value in fields.values())
    assert len(said) < 300


@given(
    st.floats(), st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(0, 10**6),
    st.integers(8, 512),
)  # fmt: skip
def test_a_second_pass_is_never_larger_than_a_picture_may_be(
    scale: float, x: int, y: int, first: int, width: int
) -> None:
    params = HiresParams(scale=scale, resize_x=x, resize_y=y, firstphase_width=first)
    request = replace(FINE, width=width, height=64, hires=params)
    try:
        check_request(request, LIMITS)
        sizes = hires_sizes(
            HiresRequest(width=width, height=64, scale=scale, resize_x=x, resize_y=y, firstphase_width=first)
        )
    except InvalidRequest:
        return
    assert sizes.upscaled.width * sizes.upscaled.height <= LIMITS.max_pixels * 1.0001
