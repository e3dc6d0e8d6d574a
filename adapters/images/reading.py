"""Bytes from strangers to pictures. Nothing of the image library's own words goes to the user."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from PIL import Image, UnidentifiedImageError

from adapters.images.exif import read_user_comment
from adapters.images.pil import from_pil
from core.domain.errors import InvalidImage
from core.domain.image import RasterImage

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What is always read; AVIF where the library can."""
_LISTED = "PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF"
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_NO_TEXT = frozenset(
    {
        *("parameters", "jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "exif", "loop"),
        *("background", "timestamp", "duration", "progressive", "progression", "icc_profile"),
        *("chromaticity", "photoshop"),
    }
)
_T = TypeVar("_T")


def decode(data: bytes, max_pixels: int, formats: tuple[str, ...] = FORMATS) -> RasterImage:
    """The first frame, upright, as RGB, RGBA or L."""
    return _read(data, max_pixels, formats, lambda picture: from_pil(_plain_mode(_upright(picture))))


def read_info(
    data: bytes, max_pixels: int, formats: tuple[str, ...] = FORMATS
) -> tuple[str, Mapping[str, object]]:
    """The infotext and what else the file says of itself."""
    return _read(data, max_pixels, formats, _info)


def _read(data: bytes, max_pixels: int, formats: tuple[str, ...], use: Callable[[Image.Image], _T]) -> _T:
    with _open(data, max_pixels, formats) as picture:
        try:
            picture.load()
            return use(picture)
        except MemoryError:
            raise
        except Exception as error:  # decoders of hostile files fail in every way there is
            raise InvalidImage("the image is broken or cut off; send the whole file") from error


@contextmanager
def _open(data: bytes, max_pixels: int, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    try:
        picture = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage(f"the image is too large; at most {max_pixels} pixels are read") from error
    except (UnidentifiedImageError, OSError) as error:
        raise InvalidImage(f"this is no image that can be read; send {_LISTED}") from error
    except Exception as error:
        raise InvalidImage("the image is broken or cut off; send the whole file") from error
    with picture:
        width, height = picture.size
        if width * height > max_pixels:
            raise InvalidImage(f"the image has {width}x{height} pixels; at most {max_pixels} are read")
        yield picture


def _upright(picture: Image.Image) -> Image.Image:
    try:
        turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # a broken EXIF block says nothing about the orientation
        turn = None
    return picture if turn is None else picture.transpose(turn)


def _plain_mode(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        picture = picture.convert("I").point(lambda value: value * (1 / 256) + 0)
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L", "I", "F") else "RGB")


def _info(picture: Image.Image) -> tuple[str, Mapping[str, object]]:
    info = dict(picture.info)
    infotext = _text(info.get("parameters")) or ""
    comment = read_user_comment(picture)
    if comment is not None:
        infotext = comment
    elif picture.format == "GIF":
        infotext = _text(info.get("comment")) or infotext
    plain = ((str(key), _plain(value)) for key, value in info.items() if key not in _NO_TEXT)
    return infotext, {key: value for key, value in plain if value is not None}


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    return str(value) if isinstance(value, str) else None


def _plain(value: object) -> object:
    """``value`` if JSON has a form for it, texts as plain ``str``; else None."""
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return _text(value)
