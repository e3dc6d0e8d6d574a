"""The reference's four ways to bring a picture to a size."""

from __future__ import annotations

from PIL import Image

from core.domain.request import ResizeMode

_FILTER = Image.Resampling.LANCZOS


def resize(picture: Image.Image, width: int, height: int, mode: ResizeMode) -> Image.Image:
    """``LATENT`` leaves the picture as it is: its latent is what gets resized."""
    if mode == ResizeMode.LATENT:
        return picture.copy()
    if mode == ResizeMode.CROP:
        return _crop(picture, width, height)
    if mode == ResizeMode.FILL:
        return _fill(picture, width, height)
    return picture.resize((width, height), _FILTER)


def _crop(picture: Image.Image, width: int, height: int) -> Image.Image:
    wider = width / height > picture.width / picture.height
    scaled = _scaled(picture, width, height, full_width=wider)
    canvas = Image.new(picture.mode, (width, height))
    canvas.paste(scaled, _centred(scaled, width, height))
    return canvas


def _fill(picture: Image.Image, width: int, height: int) -> Image.Image:
    ratio, own = width / height, picture.width / picture.height
    scaled = _scaled(picture, width, height, full_width=ratio < own)
    canvas = Image.new(picture.mode, (width, height))
    left, top = _centred(scaled, width, height)
    canvas.paste(scaled, (left, top))
    below, beside = height - top - scaled.height, width - left - scaled.width
    # Boxes without height or width stretch the edge row or column, as the reference does it.
    if top > 0:
        canvas.paste(scaled.resize((width, top), box=(0, 0, width, 0)), (0, 0))
    if below > 0:
        end = scaled.height
        canvas.paste(scaled.resize((width, below), box=(0, end, width, end)), (0, top + end))
    if left > 0:
        canvas.paste(scaled.resize((left, height), box=(0, 0, 0, height)), (0, 0))
    if beside > 0:
        end = scaled.width
        canvas.paste(scaled.resize((beside, height), box=(end, 0, end, height)), (left + end, 0))
    return canvas


def _scaled(picture: Image.Image, width: int, height: int, *, full_width: bool) -> Image.Image:
    if full_width:
        size = width, picture.height * width // picture.width
    elif width / height == picture.width / picture.height:
        size = width, height
    else:
        size = picture.width * height // picture.height, height
    return picture.resize((max(1, size[0]), max(1, size[1])), _FILTER)


def _centred(picture: Image.Image, width: int, height: int) -> tuple[int, int]:
    return width // 2 - picture.width // 2, height // 2 - picture.height // 2
