"""Reading what a picture says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from core.ports.driven import ImageCodec


class PictureReader:
    """``InspectImages`` over the codec."""

    def __init__(self, codec: ImageCodec) -> None:
        self._codec = codec

    def read_info(self, data: bytes) -> tuple[str, Mapping[str, object]]:
        return self._codec.read_info(data)
