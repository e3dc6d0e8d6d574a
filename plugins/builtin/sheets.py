"""Pictures on one sheet, with what each column and row stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.domain.errors import InvalidValue
from core.domain.image import RasterImage

if TYPE_CHECKING:
    from PIL import Image

LARGEST = 200_000_000
"""Pixels of one sheet."""
PAPER, INK, PALE = "#ffffff", "#000000", "#a0a0a0"
LINE_LENGTH = 60
PADDING = 8


@dataclass(frozen=True, slots=True)
class Title:
    """A line of a legend; ``pale``: what is not so."""

    text: str
    pale: bool = False


Legend = Sequence[Sequence[Title]]
"""For each column, or row, the lines that stand before it; empty: no legend."""


def make_sheet(
    images: Sequence[RasterImage], columns: int, *, across: Legend = (), down: Legend = (), margin: int = 0
) -> RasterImage:
    """Row by row, each cell as large as the largest picture. Raises ``InvalidValue`` for a sheet that would
    be too large."""
    from PIL import Image, ImageDraw, ImageFont

    cell = max(i.width for i in images), max(i.height for i in images)
    rows = -(-len(images) // columns)
    font = ImageFont.load_default(max(10, min(cell) // 16))
    across = [_wrapped(titles, font, cell[0]) for titles in across]
    left, top = _room(down, font)[0], _room(across, font)[1]
    width = left + columns * cell[0] + (columns - 1) * margin
    height = top + rows * cell[1] + (rows - 1) * margin
    if width * height > LARGEST:
        raise InvalidValue("the size of the grid", (width, height), f"it may have {LARGEST} pixels at most")
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    for index, image in enumerate(images):
        x = left + index % columns * (cell[0] + margin) + (cell[0] - image.width) // 2
        y = top + index // columns * (cell[1] + margin) + (cell[1] - image.height) // 2
        sheet.paste(_pil(image), (x, y))
    for index, titles in enumerate(across):
        x = left + index * (cell[0] + margin) + cell[0] // 2
        _write(pen, titles, x, top // 2, font)
    for index, titles in enumerate(down):
        y = top + index * (cell[1] + margin) + cell[1] // 2
        _write(pen, titles, left // 2, y, font)
    return RasterImage(sheet.width, sheet.height, "RGB", sheet.tobytes())


def _pil(image: RasterImage) -> Image.Image:
    from PIL import Image

    return Image.frombytes(image.mode, image.size, image.pixels).convert("RGB")


def _shown(title: Title) -> str:
    text = " ".join(title.text.split())
    return text if len(text) <= LINE_LENGTH else text[: LINE_LENGTH - 1] + "…"


def _wrapped(titles: Sequence[Title], font: Any, width: int) -> list[Title]:
    """The same in lines that are no wider than a picture, as far as words allow."""
    found: list[Title] = []
    for title in titles:
        line = ""
        for word in _shown(title).split():
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                found.append(Title(line, title.pale))
                longer = word
            line = longer
        found.append(Title(line, title.pale))
    return [Title(_cut(title.text, font, width), title.pale) for title in found]


def _cut(text: str, font: Any, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    fitting = next((n for n in range(len(text) - 1, 0, -1) if font.getlength(f"{text[:n]}…") <= width), 0)
    return f"{text[:fitting]}…"


def _room(legend: Legend, font: Any) -> tuple[int, int]:
    """Pixels that the widest and the highest entry take."""
    if not any(titles for titles in legend):
        return 0, 0
    width = max(int(font.getlength(_shown(t))) for titles in legend for t in titles)
    return width + 2 * PADDING, max(map(len, legend)) * _line(font) + 2 * PADDING


def _line(font: Any) -> int:
    ascent, descent = font.getmetrics()
    return int(ascent + descent + PADDING // 2)


def _write(pen: Any, titles: Sequence[Title], x: int, y: int, font: Any) -> None:
    """Centred on a point, line below line."""
    step = _line(font)
    first = y - step * (len(titles) - 1) // 2
    for number, title in enumerate(titles):
        place = (x, first + number * step)
        pen.text(place, _shown(title), fill=PALE if title.pale else INK, font=font, anchor="mm")
