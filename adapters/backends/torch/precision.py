"""Pictures for which the number format of the VAE is too narrow: each is decoded once more in a wider one."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from core.domain.options import OptionValues

_local = threading.local()


def wider_format(options: OptionValues) -> torch.dtype | None:
    """What these options turn to when a picture comes out as NaN; None: to nothing."""
    if options.flag("auto_vae_precision_bfloat16"):
        return torch.bfloat16
    return torch.float32 if options.flag("auto_vae_precision") else None


@contextmanager
def widening(to: torch.dtype | None) -> Iterator[None]:
    """What this thread decodes inside the block turns to that format where it has to."""
    before = wider()
    _local.to = to
    try:
        yield
    finally:
        _local.to = before


def wider() -> torch.dtype | None:
    """The format that this thread turns to."""
    found: torch.dtype | None = getattr(_local, "to", None)
    return found


class WideCopies:
    """Copies of a VAE by format, made when a picture needs one.

    The reference keeps the wider VAE from then on; here the next picture begins with the narrow one again, so
    that no picture depends on those before it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copies: dict[torch.dtype, Any] = {}

    def of(self, vae: Any, dtype: torch.dtype) -> Any:
        with self._lock:
            if dtype not in self._copies:
                self._copies[dtype] = copy.deepcopy(vae).to(dtype)
            return self._copies[dtype]
