"""Pictures to the bytes that the options ask for."""

from __future__ import annotations

from core.domain.image import ImageFormat, RasterImage
from core.domain.options import OptionValues
from core.ports.driven import ImageCodec

MAX_SIDE: dict[ImageFormat, int] = {"jpg": 65500, "jpeg": 65500, "webp": 16383, "avif": 16384}
"""JPEG has room for 65535, but its libraries stop at 65500; those of AVIF read 16384 squared."""


def fitting(format: ImageFormat, image: RasterImage) -> ImageFormat:
    """``format``, or png for a picture with more pixels on a side than it takes."""
    return "png" if max(image.size) > MAX_SIDE.get(format, max(image.size)) else format


def encode(
    codec: ImageCodec,
    image: RasterImage,
    format: ImageFormat,
    infotext: str | None,
    options: OptionValues,
    *,
    quality: int | None = None,
    lossless: bool = False,
) -> bytes:
    """The bytes of a picture in a format that fits it. The infotext stays out where the options say so.

    :param quality: None: as the options say.
    """
    kept = infotext if options.flag("enable_pnginfo") else None
    quality = int(options.number("jpeg_quality")) if quality is None else quality
    return codec.encode(image, format, kept, quality, lossless=lossless)
