"""The vectors of a textual inversion's file. torch is imported with the first of them."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from core.domain.resources import EMBEDDING_KEYS, SECOND_EMBEDDING_KEY

log = logging.getLogger("serena.plugins")

KEPT = 64
Stamp: TypeAlias = tuple[Path, int, int]


@dataclass(frozen=True, slots=True)
class Vectors:
    """:ivar tensors: (vectors, width) for each text encoder. :ivar digest: of the whole file, SHA-256."""

    tensors: tuple[Any, ...]
    digest: str

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers in a vector, for each text encoder."""
        return tuple(one.shape[1] for one in self.tensors)


class VectorFiles:
    """Reads each file once for as long as it does not change, and keeps the last few. Safe from several
    threads."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[Stamp, Vectors] = OrderedDict()

    def of(self, path: Path) -> Vectors | None:
        """None for a file that holds none, or cannot be read any more."""
        with self._lock:
            try:
                status = path.stat()
                stamp = (path, status.st_mtime_ns, status.st_size)
                if stamp not in self._known:
                    self._known[stamp] = _read(path)
            except Exception as error:  # the libraries raise whatever comes to hand for a broken file
                log.warning("the textual inversion %s is left out: %s", path.name, error)
                return None
            self._known.move_to_end(stamp)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
            return self._known[stamp]


def _read(path: Path) -> Vectors:
    from safetensors.torch import load

    data = path.read_bytes()
    rows = tuple(one[None] if one.ndim == 1 else one for one in _chosen(load(data)))
    usable = all(one.ndim == 2 and not one.is_complex() for one in rows)
    if not usable or len({one.shape[0] for one in rows}) != 1:
        raise ValueError("it holds no vectors")
    return Vectors(rows, hashlib.sha256(data).hexdigest())


def _chosen(tensors: Mapping[str, Any]) -> tuple[Any, ...]:
    """Those for the first text encoder, and for the second if there are any."""
    named = [tensors[key] for key in EMBEDDING_KEYS if key in tensors][:1]
    if len(tensors) == 1:
        return tuple(tensors.values())
    return tuple(named + [tensors[SECOND_EMBEDDING_KEY]] * (SECOND_EMBEDDING_KEY in tensors)) if named else ()
