"""The numbers that networks are told beside the text: sizes, crop, aesthetic score, or the guidance."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.backends.torch.families.kinds import Sizes
from core.domain.options import OptionValues


@dataclass(frozen=True, slots=True)
class SizeNumbers:
    """For rows of the prompt, and for those of the negative prompt."""

    prompt: tuple[float, ...]
    negative: tuple[float, ...]


def size_numbers(kind: Sizes, width: int, height: int, options: OptionValues) -> SizeNumbers | None:
    """As in the reference: the picture was never scaled, and cut at ``sdxl_crop_top`` and ``_left``."""
    if kind is Sizes.NONE:
        return None
    if kind is Sizes.GUIDANCE:
        told = (options.number("distilled_cfg_scale"),)
        return SizeNumbers(told, told)
    crop = options.number("sdxl_crop_top"), options.number("sdxl_crop_left")
    first = (float(height), float(width), *crop)
    if kind is Sizes.TARGET:
        whole = (*first, float(height), float(width))
        return SizeNumbers(whole, whole)
    high = options.number("sdxl_refiner_high_aesthetic_score")
    low = options.number("sdxl_refiner_low_aesthetic_score")
    return SizeNumbers((*first, high), (*first, low))
