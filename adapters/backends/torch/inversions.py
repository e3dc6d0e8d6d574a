"""Textual inversions: words whose vectors come from a file, laid over what the embedding layer gives."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor, nn

log = logging.getLogger("serena.torch")

KEYS = ("emb_params", "clip_l")
SUFFIX = ".safetensors"
Stamp: TypeAlias = tuple[tuple[str, int, int], ...]


class Inversions:
    """The vectors of a folder's files by name. Pickles are not read.

    :ivar vectors: (vectors, width) of each.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._stamp: Stamp = ()
        self.vectors: Mapping[str, Tensor] = {}

    def refresh(self) -> Stamp:
        """Read the folder if its files changed; what it answers stands for its content."""
        found = sorted(self._folder.rglob(f"*{SUFFIX}")) if self._folder and self._folder.is_dir() else []
        stamp = tuple(stamp for stamp in map(_stamp, found) if stamp is not None)
        if stamp != self._stamp:
            read = ((path.stem, _read(path)) for path in found)
            self.vectors = {name: vectors for name, vectors in read if vectors is not None}
            self._stamp = stamp
        return self._stamp

    def counts(self, width: int) -> dict[str, int]:
        """How many vectors each has that fits an encoder of this width."""
        return {name: rows.shape[0] for name, rows in self.vectors.items() if rows.shape[1] == width}


def _stamp(path: Path) -> tuple[str, int, int] | None:
    """None for a file that went away meanwhile."""
    try:
        status = path.stat()
    except OSError:
        return None
    return str(path), status.st_size, status.st_mtime_ns


def _read(path: Path) -> Tensor | None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        log.warning("the textual inversion %s is left out: %s", path.name, error)
        return None
    named = next((tensors[key] for key in KEYS if key in tensors), None)
    rows = named if named is not None else next(iter(tensors.values())) if len(tensors) == 1 else None
    if rows is None or rows.ndim not in (1, 2):
        log.warning("the textual inversion %s is left out: it holds no vectors", path.name)
        return None
    return rows[None] if rows.ndim == 1 else rows


class EmbeddedChunks:
    """Lays vectors over the token embeddings of the call in progress. One caller at a time."""

    def __init__(self, network: Any) -> None:
        self._vectors: Sequence[Sequence[tuple[int, Tensor]]] = ()
        layer = getattr(network, "text_model", network).embeddings.token_embedding
        layer.register_forward_hook(self._lay_over)

    @contextmanager
    def holding(self, vectors: Sequence[Sequence[tuple[int, Tensor]]]) -> Iterator[None]:
        """``vectors``: for each row its (position, vectors)."""
        self._vectors = vectors
        try:
            yield
        finally:
            self._vectors = ()

    def _lay_over(self, layer: nn.Module, given: object, embedded: Tensor) -> Tensor:
        if not any(self._vectors):
            return embedded
        changed = embedded.clone()
        for row, places in enumerate(self._vectors):
            for position, vectors in places:
                count = min(vectors.shape[0], changed.shape[1] - position)
                changed[row, position : position + count] = vectors[:count].to(changed)
        return changed
