"""What one request may ask for, and the refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.domain.errors import InitImageMissing, InvalidValue
from core.domain.request import ExtrasParams, GenerationRequest, HiresParams, InitParams, Kind

SMALLEST_SIDE = 8
"""Pixels: one latent cell."""
LARGEST_SEED = 2**63 - 1
MOST_STYLES = 1000
MOST_SCRIPT_ARGS = 10_000
"""A request is kept, and read more than once: nobody means lists of a million."""
_SHARES = ("upscaler_2_visibility", "gfpgan_visibility", "codeformer_visibility", "codeformer_weight")


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Upper bounds that an operator sets.

    :param max_pixels: width times height of one picture.
    :param max_images: ``batch_size * n_iter``.
    :param max_prompt: characters of one prompt, styles included.
    """

    max_pixels: int = 4096 * 4096
    max_images: int = 1024
    max_steps: int = 1000
    max_prompt: int = 100_000


_NUMBERS = (
    "cfg_scale",
    "subseed_strength",
    "eta",
    "denoising_strength",
    "s_min_uncond",
    "s_churn",
    "s_tmin",
    "s_noise",
    "refiner_switch_at",
)
_WHOLE = (
    "seed",
    "subseed",
    "seed_resize_from_w",
    "seed_resize_from_h",
    "batch_size",
    "n_iter",
    "steps",
    "width",
    "height",
)


def check_types(request: GenerationRequest) -> None:
    """Doors give the right types; what plugins and scripts put in their place may be of other libraries, and
    could not be kept. Raises ``InvalidValue``."""
    for name in _WHOLE:
        if not isinstance(getattr(request, name), int):
            raise InvalidValue(name, getattr(request, name), "it must be a whole number, an int")
    for name in (*_NUMBERS, "s_tmax"):
        if not isinstance(getattr(request, name), int | float | None):
            raise InvalidValue(name, getattr(request, name), "it must be a number, an int or a float")


def check_request(request: GenerationRequest, limits: RequestLimits) -> None:
    """Raise an ``InvalidRequest`` that names the first value that is wrong."""
    if request.kind is Kind.EXTRAS:
        _check_extras(request.extras, limits)
    elif request.kind is Kind.INTERROGATE:
        if request.interrogate is None:
            raise InvalidValue("interrogate", None, "it must hold a picture")
    else:
        _check_drawing(request, limits)


def _check_drawing(request: GenerationRequest, limits: RequestLimits) -> None:
    check_types(request)
    _check_counts(request, limits)
    _check_texts(request, limits)
    _check_size("width", request.width, request.height, limits)
    _check_size("height", request.height, request.width, limits)
    _check_numbers(request)
    _check_seeds(request, limits)
    if request.hires is not None:
        _check_hires(request, request.hires, limits)
    if request.init is not None:
        _check_init(request.init)
    if request.kind is Kind.IMG2IMG and (request.init is None or not request.init.images):
        raise InitImageMissing


def _check_texts(request: GenerationRequest, limits: RequestLimits) -> None:
    hires = request.hires
    texts = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "hr_prompt": hires.prompt if hires else "",
        "hr_negative_prompt": hires.negative_prompt if hires else "",
    }
    for name, values, most in (
        ("styles", request.styles, MOST_STYLES),
        ("script_args", request.script_args, MOST_SCRIPT_ARGS),
    ):
        if len(values) > most:
            raise InvalidValue(f"the number of {name}", len(values), f"at most {most} may be sent")
    for name, text in texts.items():
        if len(text) > limits.max_prompt:
            expected = f"it must have at most {limits.max_prompt} characters"
            raise InvalidValue(f"{name} of {len(text)} characters", text, expected)


def _check_extras(extras: ExtrasParams | None, limits: RequestLimits) -> None:
    if extras is None or not extras.images:
        raise InvalidValue("extras", None, "it must hold at least one picture")
    if len(extras.images) > limits.max_images:
        raise InvalidValue("extras", len(extras.images), f"at most {limits.max_images} pictures are taken")
    if not (math.isfinite(extras.factor) and extras.factor > 0):
        raise InvalidValue("upscaling_resize", extras.factor, "it must be a number above 0")
    for name in ("width", "height"):
        if getattr(extras, name) < 1:
            raise InvalidValue(f"upscaling_resize_{name[0]}", getattr(extras, name), "it must be at least 1")
    if extras.width * extras.height > limits.max_pixels:
        expected = f"width times height must be at most {limits.max_pixels}"
        raise InvalidValue("upscaling_resize_w", f"{extras.width}x{extras.height}", expected)
    for name in _SHARES:
        if not 0 <= getattr(extras, name) <= 1:
            raise InvalidValue(name, getattr(extras, name), "it must be between 0 and 1")


def _check_counts(request: GenerationRequest, limits: RequestLimits) -> None:
    if not 1 <= request.steps <= limits.max_steps:
        raise InvalidValue("steps", request.steps, f"it must be between 1 and {limits.max_steps}")
    for name in ("batch_size", "n_iter"):
        value = getattr(request, name)
        if value < 1:
            raise InvalidValue(name, value, "it must be at least 1")
    images = request.batch_size * request.n_iter
    if images > limits.max_images:
        raise InvalidValue("batch_size times n_iter", images, f"it must be at most {limits.max_images}")


def _check_size(name: str, side: int, other: int, limits: RequestLimits) -> None:
    if side < SMALLEST_SIDE:
        raise InvalidValue(name, side, f"it must be at least {SMALLEST_SIDE}")
    if side * max(other, SMALLEST_SIDE) > limits.max_pixels:
        raise InvalidValue(name, side, f"width times height must be at most {limits.max_pixels}")


def _check_numbers(request: GenerationRequest) -> None:
    for name in _NUMBERS:
        _check_finite(name, getattr(request, name))
    if request.s_tmax is not None and math.isnan(request.s_tmax):
        raise InvalidValue("s_tmax", request.s_tmax, "it must be a number")
    strength = request.denoising_strength
    if strength is not None and strength < 0:
        raise InvalidValue("denoising_strength", strength, "it must be between 0 and 1")
    if request.hires is not None and strength is None:
        raise InvalidValue("denoising_strength", None, "enable_hr needs one between 0 and 1")


def _check_finite(name: str, value: float | None) -> None:
    try:
        finite = value is None or math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        finite = False
    if not finite:
        raise InvalidValue(name, value, "it must be a finite number")


def _check_hires(request: GenerationRequest, hires: HiresParams, limits: RequestLimits) -> None:
    """What becomes too small to draw is refused where the sizes are worked out."""
    if not 0 <= hires.second_pass_steps <= limits.max_steps:
        expected = f"it must be between 0 and {limits.max_steps}"
        raise InvalidValue("hr_second_pass_steps", hires.second_pass_steps, expected)
    for name in ("resize_x", "resize_y", "firstphase_width", "firstphase_height"):
        side = getattr(hires, name)
        if side < 0:
            raise InvalidValue(f"hires {name}", side, "it must not be negative")
    _check_finite("hr_scale", hires.scale)
    first = hires.firstphase_width or request.width, hires.firstphase_height or request.height
    if first[0] * first[1] > limits.max_pixels:
        expected = f"width times height must be at most {limits.max_pixels}"
        raise InvalidValue("firstphase size", first, expected)
    resized = bool(hires.resize_x or hires.resize_y)
    factor = max(hires.resize_x / first[0], hires.resize_y / first[1]) if resized else hires.scale
    if factor <= 0 or factor > math.sqrt(limits.max_pixels / (first[0] * first[1])):
        name, value = (
            ("hr_resize", (hires.resize_x, hires.resize_y)) if resized else ("hr_scale", hires.scale)
        )
        expected = f"it must be above 0 and the final size at most {limits.max_pixels} pixels"
        raise InvalidValue(name, value, expected)


def _check_init(init: InitParams) -> None:
    for name in ("noise_multiplier", "image_cfg_scale"):
        _check_finite(name, getattr(init, name))
    if init.only_masked_padding < 0:
        raise InvalidValue("inpaint_full_res_padding", init.only_masked_padding, "it must not be negative")


def _check_seeds(request: GenerationRequest, limits: RequestLimits) -> None:
    size = request.seed_resize_from_w, request.seed_resize_from_h
    if min(size) > 0 and size[0] * size[1] > limits.max_pixels:
        expected = f"width times height must be at most {limits.max_pixels}"
        raise InvalidValue("seed_resize_from", size, expected)
    for name in ("seed", "subseed"):
        value = getattr(request, name)
        if not -LARGEST_SEED <= value <= LARGEST_SEED:
            raise InvalidValue(name, value, f"it must be between {-LARGEST_SEED} and {LARGEST_SEED}")
