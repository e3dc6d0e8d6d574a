"""Vectors in place of words: they are laid over what the embedding layer of a text encoder gives."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

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
