"""Pictures as they stand in JSON: base64, plain or as a data URI, or as a URL where that is allowed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from core.domain.errors import InvalidImage
from core.domain.image import BlobRef

Fetch = Callable[[str], bytes]
"""Gets the picture behind a URL, or raises ``InvalidImage`` with the reference's text."""


PutPicture = Callable[[object, str], BlobRef]
"""Keeps the picture of a request: takes its JSON value and the name of its field, for the error."""


class Pictures:
    """Decodes the pictures of requests."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def decode(self, value: object, field: str) -> bytes:
        """The bytes of a picture in a request, not looked into. Raises ``InvalidImage``.

        :param field: named in the error.
        """
        if not isinstance(value, str):
            raise InvalidImage(f"{field} must be a base64 text")
        text = value.strip()
        if text.lower().startswith(("http://", "https://")):
            return self._fetch(text)
        return _from_base64(text, field)


def _from_base64(text: str, field: str) -> bytes:
    if text.startswith("data:image/"):
        text = text.partition(";")[2].partition(",")[2]
    try:
        data = base64.b64decode(text)
    except (binascii.Error, ValueError):
        raise InvalidImage(f"{field} is no base64") from None
    if not data:
        raise InvalidImage(f"{field} is empty")
    return data


def encode_picture(data: bytes) -> str:
    """Plain base64, as every answer has it."""
    return base64.b64encode(data).decode("ascii")
