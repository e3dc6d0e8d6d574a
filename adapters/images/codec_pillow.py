"""Pictures to files' bytes and back, by Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from core.domain.errors import InvalidImage
from core.domain.image import ImageFormat, RasterImage
from core.ports.driven import NO_TEXTS

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 64 * 1024 * 1024
_MAX_SIDE = {"jpeg": 65500, "webp": 16383, "avif": 16384}


def has_avif() -> bool:
    """Whether Pillow was built with AVIF, as its wheels are."""
    from PIL import features

    return features.check("avif") is True


class PillowImageCodec:
    """An ``ImageCodec``.

    :param max_pixels: pictures with more are refused before a pixel is decoded.
    :param avif: whether AVIF can be written and read; asked when it matters.
    """

    def __init__(self, max_pixels: int = MAX_PIXELS, avif: Callable[[], bool] = has_avif) -> None:
        self._max_pixels = max_pixels
        self._avif = avif

    def encode(
        self,
        image: RasterImage,
        format: ImageFormat,
        infotext: str | None,
        quality: int = 80,
        texts: Mapping[str, str] = NO_TEXTS,
        lossless: bool = False,
    ) -> bytes:
        if format == "png":
            from adapters.images.png import write_png

            return write_png(image, {**({"parameters": infotext} if infotext else {}), **texts})
        kind = format if format in ("webp", "avif") else "jpeg"
        if kind == "avif" and not self._avif():
            raise InvalidImage("this build of Pillow writes no AVIF; choose png, jpg or webp")
        if max(image.size) > _MAX_SIDE[kind]:
            raise InvalidImage(f"a {kind} image has at most {_MAX_SIDE[kind]} pixels on a side; choose png")
        from adapters.images.pil import to_pil

        picture = to_pil(image)
        if image.mode == "RGBA":
            picture = picture.convert("RGB")
        if kind == "webp":
            return _with_exif(picture, "WEBP", infotext, quality, lossless=lossless)
        if kind == "avif":
            return _with_exif(picture, "AVIF", infotext, quality)
        return _jpeg(picture, infotext, quality)

    def decode(self, data: bytes) -> RasterImage:
        from adapters.images import reading

        return reading.decode(data, self._max_pixels, self._formats())

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        from adapters.images import reading

        return reading.read_info(data, self._max_pixels, self._formats())

    def _formats(self) -> tuple[str, ...]:
        from adapters.images.reading import FORMATS

        return (*FORMATS, "AVIF") if self._avif() else FORMATS


def _jpeg(picture: Image.Image, infotext: str | None, quality: int) -> bytes:
    from adapters.images.exif import insert_exif, make_exif

    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return insert_exif(out.getvalue(), make_exif(infotext)) if infotext else out.getvalue()


def _with_exif(picture: Image.Image, kind: str, infotext: str | None, quality: int, **options: bool) -> bytes:
    from adapters.images.exif import make_exif

    out = io.BytesIO()
    exif = make_exif(infotext) if infotext else b""
    picture.save(out, kind, quality=quality, exif=exif, **options)
    return out.getvalue()
