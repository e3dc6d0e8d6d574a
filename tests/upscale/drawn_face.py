"""A drawn face that looks enough like one for a cascade of light and dark areas."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFilter

from core.domain.image import RasterImage

EYES = ((-46.0, -22.0), (46.0, -22.0))
"""The middles of the pupils, from the middle of the face, for a face of width 200."""


def drawn_face(width: int, height: int, places: list[tuple[int, int, float]]) -> RasterImage:
    """Faces at (x, y) of their middles, each with its size: 1 is 200 pixels wide."""
    picture = Image.new("RGB", (width * 2, height * 2), (150, 170, 185))
    for x, y, size in places:
        _face(ImageDraw.Draw(picture), x * 2, y * 2, size * 2)
    picture = picture.filter(ImageFilter.GaussianBlur(3)).resize((width, height), Image.Resampling.BOX)
    return RasterImage(width, height, "RGB", picture.tobytes())


def _face(draw: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    def oval(cx: float, cy: float, rx: float, ry: float, colour: tuple[int, int, int]) -> None:
        box = (x + (cx - rx) * size, y + (cy - ry) * size, x + (cx + rx) * size, y + (cy + ry) * size)
        draw.ellipse(box, fill=colour)

    skin, shade, dark = (224, 188, 164), (176, 132, 112), (52, 36, 30)
    oval(0, -40, 108, 124, dark)  # hair
    oval(0, 10, 92, 122, skin)
    for side in (-1, 1):
        oval(side * 46, -30, 34, 20, shade)  # the socket
        oval(side * 46, -52, 34, 7, dark)  # the brow
        oval(side * 46, -22, 24, 11, (242, 240, 238))
        oval(side * 46, -22, 11, 11, dark)
    oval(0, 14, 13, 34, (236, 204, 182))
    oval(0, 42, 22, 9, shade)
    oval(0, 82, 38, 11, (150, 60, 60))
    oval(0, 82, 30, 3, (90, 30, 30))
