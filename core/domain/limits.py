"""What one request may ask for, and the refusals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.domain.errors import InitImageMissing, InvalidValue
from core.domain.request import GenerationRequest, Kind

SMALLEST_SIDE = 8
"""Pixels: one latent cell."""
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Upper bounds that an operator sets.

    :param max_pixels: width times height of one picture.
    :param max_images: ``batch_size * n_iter``.
    """

    max_pixels: int = 4096 * 4096
    max_images: int = 1024
    max_steps: int = 1000


def check_request(request: GenerationRequest, limits: RequestLimits) -> None:
    """Raise an ``InvalidRequest`` that names the first value that is wrong."""
    _check_counts(request, limits)
    _check_size("width", request.width, request.height, limits)
    _check_size("height", request.height, request.width, limits)
    _check_numbers(request)
    _check_seeds(request)
    if request.kind is Kind.IMG2IMG and (request.init is None or not request.init.images):
        raise InitImageMissing


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
    names = ("cfg_scale", "subseed_strength", "eta", "denoising_strength", "s_churn", "s_tmin", "s_noise")
    for name in names:
        value = getattr(request, name)
        if value is not None and not math.isfinite(value):
            raise InvalidValue(name, value, "it must be a finite number")
    strength = request.denoising_strength
    if strength is not None and strength < 0:
        raise InvalidValue("denoising_strength", strength, "it must be between 0 and 1")
    if request.hires is not None and strength is None:
        raise InvalidValue("denoising_strength", None, "enable_hr needs one between 0 and 1")


def _check_seeds(request: GenerationRequest) -> None:
    for name in ("seed", "subseed"):
        value = getattr(request, name)
        if not -LARGEST_SEED <= value <= LARGEST_SEED:
            raise InvalidValue(name, value, f"it must be between {-LARGEST_SEED} and {LARGEST_SEED}")
