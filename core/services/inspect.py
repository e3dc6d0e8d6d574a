"""Reading what a picture says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from core.ports.driven import ImageCodec
from core.ports.driving import PictureFacts


class PictureReader:
    """``InspectImages`` over the codec."""

    def __init__(self, codec: ImageCodec) -> None:
        self._codec = codec

    def look(self, data: bytes) -> PictureFacts:
        image = self._codec.decode(data)
        # The fourth channel of each pixel; nothing is copied but that.
        return PictureFacts(image.size, image.mode == "RGBA" and 0 in image.pixels[3::4])

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        return self._codec.read_info(data)
