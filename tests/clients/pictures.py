"""Pictures as they stand in JSON."""

from __future__ import annotations

import base64
import io

from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG") -> str:
    out = io.BytesIO()
    image.save(out, kind)
    return base64.b64encode(out.getvalue()).decode("ascii")


def decoded(picture: str) -> Image.Image:
    """Strict: a ``data:`` prefix is no base64."""
    return Image.open(io.BytesIO(base64.b64decode(picture, validate=True)))


def half_mask(side: int = 64) -> Image.Image:
    """White, which is painted anew, on the left."""
    mask = Image.new("L", (side, side), 0)
    mask.paste(255, (0, 0, side // 2, side))
    return mask
