"""The infotext in EXIF's user comment."""

from __future__ import annotations

import struct

from PIL import Image

EXIF_IFD = 0x8769
USER_COMMENT = 0x9286
_SEGMENT = 65533 - 6
_PREFIX = b"Exif\0\0"


def make_exif(text: str) -> bytes:
    """An EXIF block, without the prefix ``Exif``, that holds ``text`` as its user comment."""
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = b"UNICODE\0" + text.encode("utf-16-be", "replace")
    return exif.tobytes().removeprefix(_PREFIX)


def insert_exif(jpeg: bytes, exif: bytes) -> bytes:
    """``jpeg`` with the block before everything else.

    A segment of JPEG holds 64 KiB. A longer block goes into several, which Pillow puts together again.
    """
    parts = [exif[start : start + _SEGMENT] for start in range(0, len(exif), _SEGMENT)]
    segments = (b"\xff\xe1" + struct.pack(">H", len(part) + 8) + _PREFIX + part for part in parts)
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def read_user_comment(picture: Image.Image) -> str | None:
    """The user comment as text; None if there is none or its EXIF is broken."""
    try:
        comment = picture.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT)
    except Exception:  # a hostile EXIF block fails in many ways, and it is only a comment
        return None
    if isinstance(comment, str):
        return comment
    return decode_comment(comment) if isinstance(comment, bytes) else None


def decode_comment(comment: bytes) -> str:
    code, body = comment[:8], comment[8:]
    if code == b"UNICODE\0":
        return _utf16(body)
    if code == b"ASCII\0\0\0":
        return body.decode("ascii", "replace")
    if code == b"JIS\0\0\0\0\0":
        return body.decode("iso2022_jp", "replace")
    text = body if code == bytes(8) else comment
    return text.decode("utf-8", "replace").rstrip("\0")


def _utf16(body: bytes) -> str:
    if body.startswith(b"\xff\xfe"):
        return body[2:].decode("utf-16-le", "replace")
    return body.removeprefix(b"\xfe\xff").decode("utf-16-be", "replace")
