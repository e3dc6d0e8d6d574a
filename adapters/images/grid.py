"""Many pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image


def grid(pictures: Sequence[Image.Image], columns: int, rows: int, background: str) -> Image.Image:
    """Row by row; cells as large as the largest picture, smaller ones in the middle of theirs."""
    width, height = max(p.width for p in pictures), max(p.height for p in pictures)
    sheet = Image.new("RGB", (columns * width, rows * height), background)
    for index, picture in enumerate(pictures[: columns * rows]):
        x = index % columns * width + (width - picture.width) // 2
        y = index // columns * height + (height - picture.height) // 2
        sheet.paste(picture, (x, y))
    return sheet
