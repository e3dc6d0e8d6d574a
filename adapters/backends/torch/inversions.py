"""Textual inversions: words whose vectors come from a file, laid over what the embedding layer gives."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor, nn

from core.domain.resources import EMBEDDING_KEYS, SECOND_EMBEDDING_KEY

log = logging.getLogger("serena.torch")

SUFFIX = ".safetensors"
Stamp: TypeAlias = tuple[tuple[str, int, int], ...]


class Inversions:
    """The vectors of a folder's files by name. Pickles are not read.

    :ivar vectors: (vectors, width) of each; two of one that was made for a model with two text encoders.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._stamp: Stamp = ()
        self.vectors: Mapping[str, tuple[Tensor, ...]] = {}

    def refresh(self) -> Stamp:
        """Read the folder if its files changed; what it answers stands for its content."""
        found = _files_in(self._folder) if self._folder and self._folder.is_dir() else []
        stamp = tuple(stamp for stamp in map(_stamp, found) if stamp is not None)
        if stamp != self._stamp:
            read = ((path.stem, _read(path)) for path in found)
            self.vectors = {name: vectors for name, vectors in read if vectors is not None}
            self._stamp = stamp
        return self._stamp

    def counts(self, *widths: int) -> dict[str, int]:
        """How many vectors each has that fits the encoders of a model, which have these widths."""
        return {
            name: rows[0].shape[0]
            for name, rows in self.vectors.items()
            if tuple(one.shape[1] for one in rows) == widths
        }


def _files_in(folder: Path) -> list[Path]:
    """A link that leads out of the folder is left out, as in the list of embeddings."""
    root = folder.resolve()
    return [path for path in sorted(folder.rglob(f"*{SUFFIX}")) if path.resolve().is_relative_to(root)]


def _stamp(path: Path) -> tuple[str, int, int] | None:
    """None for a file that went away meanwhile."""
    try:
        status = path.stat()
    except OSError:
        return None
    return str(path), status.st_size, status.st_mtime_ns


def _read(path: Path) -> tuple[Tensor, ...] | None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        log.warning("the textual inversion %s is left out: %s", path.name, error)
        return None
    named = [tensors[key] for key in EMBEDDING_KEYS if key in tensors][:1] or (
        list(tensors.values()) if len(tensors) == 1 else []
    )
    second = [tensors[SECOND_EMBEDDING_KEY]] if SECOND_EMBEDDING_KEY in tensors and len(tensors) > 1 else []
    rows = tuple(one[None] if one.ndim == 1 else one for one in (*named, *second))
    counts = {one.shape[0] for one in rows if one.ndim == 2}
    if not named or any(one.ndim != 2 for one in rows) or len(counts) > 1:
        log.warning("the textual inversion %s is left out: it holds no vectors", path.name)
        return None
    return rows


_local = threading.local()


class EmbeddedChunks:
    """Lays vectors over the token embeddings of the call in progress in this thread. What is held belongs to
    the thread, so that a copy of the network, made meanwhile, holds nothing."""

    def __init__(self, network: Any) -> None:
        layer: nn.Module = getattr(network, "text_model", network).embeddings.token_embedding
        if _lay_over not in layer._forward_hooks.values():  # of another encoder, or copied with the network
            layer.register_forward_hook(_lay_over)

    @contextmanager
    def holding(self, vectors: Sequence[Sequence[tuple[int, Tensor]]]) -> Iterator[None]:
        """``vectors``: for each row its (position, vectors)."""
        _local.vectors = vectors
        try:
            yield
        finally:
            _local.vectors = ()


def _lay_over(layer: nn.Module, given: object, embedded: Tensor) -> Tensor:
    held: Sequence[Sequence[tuple[int, Tensor]]] = getattr(_local, "vectors", ())
    if not any(held):
        return embedded
    changed = embedded.clone()
    for row, places in enumerate(held):
        for position, vectors in places:
            count = min(vectors.shape[0], changed.shape[1] - position)
            changed[row, position : position + count] = vectors[:count].to(changed)
    return changed
