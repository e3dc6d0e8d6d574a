from __future__ import annotations

from adapters.images.codec_pillow import PillowImageCodec
from contracts.image_codec import ImageCodecContract


class TestPillowImageCodec(ImageCodecContract):
    def make(self) -> PillowImageCodec:
        return PillowImageCodec()
