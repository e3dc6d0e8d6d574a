"""What crosses as JSON beside the core's own records: pictures, and the errors of runs."""

from __future__ import annotations

import base64
from typing import Any

from core.domain import errors
from core.domain.errors import UNFORESEEN, BackendError, SerenaError
from core.domain.image import RasterImage

OUT_OF_MEMORY = "the worker ran out of memory"


def picture_to_plain(image: RasterImage) -> dict[str, Any]:
    pixels = base64.b64encode(image.pixels).decode()
    return {"width": image.width, "height": image.height, "mode": image.mode, "pixels": pixels}


def picture_from_plain(plain: dict[str, Any]) -> RasterImage:
    return RasterImage(plain["width"], plain["height"], plain["mode"], base64.b64decode(plain["pixels"]))


def error_to_plain(error: BaseException) -> dict[str, str]:
    """By the nearest class of our tree; what is none of ours is told in one sentence."""
    if not isinstance(error, SerenaError):
        return {"kind": BackendError.__name__, "message": UNFORESEEN}
    kind = next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == errors.__name__)
    return {"kind": kind, "message": str(error)}


def ran_out_of_memory(error: BaseException | None) -> bool:
    """Whether memory that nobody could do without was refused. A backend that copes with it, and says so in
    an error of its own (``raise … from None``), goes on."""
    while error is not None:
        if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
            return True
        error = error.__cause__
    return False
