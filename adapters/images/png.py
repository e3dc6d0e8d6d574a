"""A PNG writer that is fast: filter "up" on all rows at once, and ISA-L's deflate.

It takes about a twentieth of the time of ``Image.save`` for 5 to 17 % more bytes. The bytes are the same for
the same picture on the same kind of CPU (ISA-L has code for each kind); the pixels always are.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

from core.domain.image import CHANNELS, RasterImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = 2
_COLOR_TYPE = {"L": 0, "RGB": 2, "RGBA": 6}


def write_png(image: RasterImage, texts: dict[str, str]) -> bytes:
    """The picture as a PNG file with one text chunk for each of ``texts``."""
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, _COLOR_TYPE[image.mode], 0, 0, 0)
    chunks = [_chunk(b"IHDR", header)]
    chunks += [_text_chunk(key, text) for key, text in texts.items()]
    chunks += [_chunk(b"IDAT", deflate(_filtered(image))), _chunk(b"IEND", b"")]
    return SIGNATURE + b"".join(chunks)


def _filtered(image: RasterImage) -> bytes:
    width = image.width * CHANNELS[image.mode]
    rows = np.frombuffer(image.pixels, np.uint8).reshape(image.height, width)
    out = np.empty((image.height, width + 1), np.uint8)
    out[:, 0] = _UP
    out[:1, 1:] = rows[:1]
    np.subtract(rows[1:], rows[:-1], out=out[1:, 1:])
    return out.tobytes()


def deflate(data: bytes) -> bytes:
    """A zlib stream: by ISA-L where its package has a build for this machine, else by zlib."""
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib.compress(data, 1)
    return isal_zlib.compress(data, 1)


def _text_chunk(key: str, text: str) -> bytes:
    name = key.encode("latin-1") + b"\0"
    try:
        return _chunk(b"tEXt", name + text.encode("latin-1"))
    except UnicodeEncodeError:
        # Compression flag and method, language and translated key: none.
        return _chunk(b"iTXt", name + b"\0\0\0\0" + text.encode("utf-8", "replace"))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
