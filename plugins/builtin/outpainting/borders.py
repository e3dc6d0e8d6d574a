"""How far a picture grows on each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.domain.errors import InitImageMissing, InvalidValue
from core.domain.image import RasterImage
from core.domain.request import GenerationRequest
from core.domain.resources import ScriptArg
from core.drafts import Draw
from plugins.builtin.tiles import picture_of, pixels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIRECTIONS = ("left", "right", "up", "down")
MULTIPLE = 64
"""What the sides that grow come to a multiple of."""
PIXELS = ScriptArg(name="pixels", label="Pixels to expand", value=128, minimum=8, maximum=256, step=8)
DIRECTION = ScriptArg(name="direction", label="Outpainting direction", value=DIRECTIONS, choices=DIRECTIONS)


def mask_blur_field(default: int) -> ScriptArg:
    return ScriptArg(name="mask_blur", label="Mask blur", value=default, minimum=0, maximum=64, step=1)


@dataclass(frozen=True, slots=True)
class Borders:
    """Pixels on each side."""

    left: int = 0
    right: int = 0
    up: int = 0
    down: int = 0

    def padded(self, picture: RasterImage) -> RasterImage:
        """``picture`` with its edges drawn out."""
        import numpy as np

        sides = ((self.up, self.down), (self.left, self.right), (0, 0))
        return picture_of(np.pad(pixels_of(picture), sides, mode="edge"))

    def mask(self, width: int, height: int, inset: int = 0) -> RasterImage:
        """White outside of a picture of that size, and for ``inset`` pixels inside where it grows."""
        import numpy as np

        rows, columns = height + self.up + self.down, width + self.left + self.right
        mask: NDArray[Any] = np.full((rows, columns, 1), 255, np.uint8)
        left, right = _inside(self.left, self.right, width, inset)
        top, bottom = _inside(self.up, self.down, height, inset)
        mask[top:bottom, left:right] = 0
        return picture_of(mask)


def _inside(before: int, after: int, length: int, inset: int) -> tuple[int, int]:
    """Where the picture begins and ends that stays."""
    start = before + (inset if before else 0)
    return start, max(start, before + length - (inset if after else 0))


def borders(width: int, height: int, pixels: int, directions: Sequence[str]) -> Borders:
    """As many pixels as wanted in each direction, and so many more that the sides are multiples of 64."""
    if not directions:
        raise InvalidValue("direction", list(directions), f"it must name one of {', '.join(DIRECTIONS)}")
    left, right = _shared(width, pixels, "left" in directions, "right" in directions)
    up, down = _shared(height, pixels, "up" in directions, "down" in directions)
    return Borders(left, right, up, down)


def _shared(length: int, pixels: int, before: bool, after: bool) -> tuple[int, int]:
    if not (before or after):
        return 0, 0
    wanted = length + pixels * (before + after)
    more = -(-wanted // MULTIPLE) * MULTIPLE - length
    first = more // (before + after) if before else 0
    return first, more - first if after else 0


def opened(request: GenerationRequest, args: Mapping[str, Any], draw: Draw) -> tuple[RasterImage, Borders]:
    """The picture that a request starts from, and how it grows."""
    if request.init is None or not request.init.images:
        raise InitImageMissing
    picture = draw.open(request.init.images[0])
    return picture, borders(picture.width, picture.height, args["pixels"], args["direction"])


def comments(request: GenerationRequest) -> list[str]:
    if request.init is None or request.init.mask is None:
        return []
    return ["Outpainting makes its own mask; the one that was sent was left out."]
