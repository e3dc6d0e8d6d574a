"""Writing safetensors, one weight at a time: never more than one is held in its new number format."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from core.domain.errors import ModelError

Told: TypeAlias = Callable[[int], None]
"""Hears how many bytes more were written."""

_NAMES: Mapping[torch.dtype, str] = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3", torch.float8_e5m2: "F8_E5M2", torch.int64: "I64", torch.int32: "I32",
    torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
_ALIGNED = 8


@dataclass(frozen=True, slots=True)
class Weight:
    """What is written under a name. :ivar read: gives it as it was."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    read: Callable[[], Tensor]

    @classmethod
    def held(cls, name: str, x: Tensor) -> Weight:
        """One that is in memory."""
        return cls(name, tuple(x.shape), x.dtype, lambda: x)

    def stored_as(self, wanted: torch.dtype | None) -> torch.dtype:
        return wanted if wanted is not None and self.dtype.is_floating_point else self.dtype


def write_weights(
    path: Path,
    weights: Sequence[Weight],
    wanted: torch.dtype | None,
    metadata: Mapping[str, str],
    told: Told,
) -> None:
    """A new file; whatever it was is not there before.

    :param wanted: the number format of what is no whole number; None: as each was.

    Raises ``ModelError`` where a number does not fit the format.
    """
    placed = sorted(weights, key=lambda one: (-one.stored_as(wanted).itemsize, one.name))
    header = _header(placed, wanted, metadata)
    with open(path, "xb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for one in placed:
            data = _bytes(_cast(one, wanted))
            file.write(data)
            told(len(data))


def _header(weights: Sequence[Weight], wanted: torch.dtype | None, metadata: Mapping[str, str]) -> bytes:
    found: dict[str, Any] = {"__metadata__": {"format": "pt", **metadata}}
    at = 0
    for one in weights:
        dtype = one.stored_as(wanted)
        size = dtype.itemsize * torch.Size(one.shape).numel()
        found[one.name] = {
            "dtype": _NAMES[dtype], "shape": list(one.shape), "data_offsets": [at, at + size]
        }  # fmt: skip
        at += size
    text = json.dumps(found, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % _ALIGNED)


def _cast(one: Weight, wanted: torch.dtype | None) -> Tensor:
    x, dtype = one.read(), one.stored_as(wanted)
    cast = x.to(dtype)
    if dtype == torch.float16 and bool((cast.isinf() & ~x.isinf()).any()):
        raise ModelError(f"{one.name} has numbers that do not fit fp16; bf16 and fp32 hold them")
    return cast


def _bytes(x: Tensor) -> bytes:
    return x.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
