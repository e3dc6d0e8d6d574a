"""Is a safetensors file whole? Told from its header, which is read within bounds; no weight is read."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.models.printable import printable
from core.domain.errors import ModelError

MAX_HEADER = 16 * 1024 * 1024
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SafetensorsHeader:
    """What a file says of itself: the shape of each tensor, and texts by key."""

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


def describe_file(path: Path) -> SafetensorsHeader:
    """The header of a whole file. Raises ``ModelError`` as :func:`read_header` does."""
    header = _read(path)
    metadata = header.pop("__metadata__", None)
    told = metadata.items() if isinstance(metadata, dict) else ()
    texts = {printable(str(key)): printable(str(text)) for key, text in told}
    return SafetensorsHeader({name: tuple(entry["shape"]) for name, entry in header.items()}, texts)


def read_header(path: Path) -> dict[str, Any]:
    """The tensors of the file by name. Raises ``ModelError`` when it is cut off, hostile or no such file."""
    header = _read(path)
    header.pop("__metadata__", None)
    return header


def _read(path: Path) -> dict[str, Any]:
    if path.exists() and not path.is_file():  # to open a pipe is to wait for ever
        raise ModelError(f"{path} is no file")
    try:
        with open(path, "rb") as file:
            size = path.stat().st_size
            length = _header_length(path, file.read(8), size)
            header = json.loads(file.read(length))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} has a broken header; get the file again") from error
    if not isinstance(header, dict):
        raise ModelError(f"{path} has a broken header; get the file again")
    tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
    _check_tensors(path, tensors, size - 8 - length)
    return header


def _header_length(path: Path, start: bytes, size: int) -> int:
    if len(start) < 8:
        raise ModelError(f"{path} is cut off: it has {size} bytes; get the file again")
    length = int(struct.unpack("<Q", start)[0])
    if length > MAX_HEADER:
        raise ModelError(f"{path} is no safetensors file: its header would have {length} bytes")
    if length > size - 8:
        raise ModelError(
            f"{path} is cut off: its header has {length} bytes and the file {size}; get it again"
        )
    return length


def _check_tensors(path: Path, tensors: dict[str, Any], data_size: int) -> None:
    try:
        spans = sorted(_span(entry) for entry in tensors.values())
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} has a broken header; get the file again") from error
    position = 0
    for begin, end in spans:
        if begin != position:
            raise ModelError(f"{path} has a broken header: its tensors overlap or leave gaps")
        position = end
    if position != data_size:
        raise ModelError(
            f"{path} is cut off: its weights have {data_size} bytes of {position}; get the file again"
        )


def _span(entry: dict[str, Any]) -> tuple[int, int]:
    begin, end = entry["data_offsets"]
    shape = entry["shape"]
    if not all(isinstance(number, int) and number >= 0 for number in (begin, end, *shape)):
        raise ValueError("offsets and sizes are whole numbers")
    if (end - begin) * 8 != math.prod(shape) * _BITS[entry["dtype"]]:
        raise ValueError("the offsets do not fit the shape")
    return begin, end
