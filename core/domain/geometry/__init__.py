"""Sizes and places in pixels: integer arithmetic only, no picture is touched.

A ``Box`` is (x1, y1, x2, y2) with x2 and y2 outside it.
"""

from core.domain.geometry.box import Box, Size
from core.domain.geometry.crop import PasteTo, crop_region, expand_to_aspect, masked_region, paste_to
from core.domain.geometry.grid import grid_shape, makes_grid
from core.domain.geometry.hires import HiresRequest, HiresSizes, hires_sizes, old_first_pass_size
from core.domain.geometry.resize import Border, ResizePlan, resize_plan, upscale_factor, upscaler_target

__all__ = [
    "Border",
    "Box",
    "HiresRequest",
    "HiresSizes",
    "PasteTo",
    "ResizePlan",
    "Size",
    "crop_region",
    "expand_to_aspect",
    "grid_shape",
    "hires_sizes",
    "makes_grid",
    "masked_region",
    "old_first_pass_size",
    "paste_to",
    "resize_plan",
    "upscale_factor",
    "upscaler_target",
]
