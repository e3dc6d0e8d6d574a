"""What of saving in another format can be set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, Field, field_validator

FileFormat = Literal["", "png", "jpg", "jpeg", "webp", "avif"]


class SaveAsSettings(BaseModel):
    """For files; each counts by itself."""

    format: FileFormat = Field("", description="of files; empty: that of the answer")
    quality: int = Field(0, ge=0, le=100, description="1 to 100; 0: as jpeg_quality says")
    lossless: bool = Field(False, description="WebP keeps every pixel; false: as webp_lossless says")
    grids: bool = Field(False, description="grids too")

    @field_validator("format")
    @classmethod
    def can_be_written(cls, format: FileFormat) -> FileFormat:
        return writable(format)


def has_avif() -> bool:
    """Whether Pillow was built with AVIF, as its wheels are."""
    from PIL import features

    return features.check("avif") is True


def writable(format: FileFormat, avif: Callable[[], bool] = has_avif) -> FileFormat:
    """The same. Raises ``ValueError`` for what cannot be written here."""
    if format == "avif" and not avif():
        raise ValueError("this build of Pillow writes no AVIF; choose png, jpg or webp")
    return format
