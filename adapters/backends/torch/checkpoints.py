"""The checkpoints in memory: the one that draws, and those that a run needs beside it."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass

import torch

from adapters.backends.torch.inversions import Inversions
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.text import TextEncoder
from core.domain.model import ModelIdentity, ModelRef
from core.prepared import PreparedRun


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded model and its text encoder, which keeps what it encoded."""

    model: LoadedModel
    encoder: TextEncoder


class Checkpoints:
    """Loads on first use. A checkpoint that the latest load does not need is let go; a run in flight that has
    it keeps it to its end. Safe from several threads."""

    def __init__(self, device: torch.device, dtype: torch.dtype, inversions: Inversions) -> None:
        self._inversions = inversions
        self._device = device
        self._dtype = dtype
        self._lock = threading.Lock()
        self._loaded: dict[ModelIdentity, Checkpoint] = {}

    def get(self, ref: ModelRef, beside: Collection[ModelIdentity] = ()) -> Checkpoint:
        """The checkpoint, loaded now if need be. ``beside`` are kept as well. Raises ``ModelError``; what is
        loaded then stays as it is."""
        with self._lock:
            found = self._loaded.get(ref.identity)
            if found is None:
                model = load_model(ref, self._device, self._dtype)
                encoder = TextEncoder(model.tokenizer, model.text_encoder, model.device, self._inversions)
                found = Checkpoint(model, encoder)
                kept = {identity: self._loaded[identity] for identity in beside if identity in self._loaded}
                self._loaded = {**kept, ref.identity: found}
            return found

    def clear(self) -> None:
        with self._lock:
            self._loaded = {}
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def needed_by(run: PreparedRun) -> frozenset[ModelIdentity]:
    """Every checkpoint that a run draws with."""
    others = (run.refiner.model if run.refiner else None, run.hires.model if run.hires else None)
    return frozenset(ref.identity for ref in (run.model, *others) if ref is not None)
