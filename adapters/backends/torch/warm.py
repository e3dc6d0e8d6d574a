"""Checkpoints kept in the memory of the host, so that one that was let go of comes back without its file."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from adapters.backends.torch.engine.merger import Lane
from adapters.backends.torch.model import LoadedModel, load_model
from adapters.backends.torch.precision import WideCopies
from adapters.backends.torch.sharing import sharing_copy
from core.domain.model import ModelIdentity, ModelRef

log = logging.getLogger("serena.torch")

Load: TypeAlias = Callable[[ModelRef, torch.device, torch.dtype], LoadedModel]
_NETWORKS = ("unet", "vae", "text_encoder", "text_encoder_2")


def pinned(x: Tensor) -> Tensor:
    """A copy in pages that stay where they are, from which a device reads on its own."""
    return torch.empty_like(x, pin_memory=True).copy_(x)


class WarmLoads:
    """Loads checkpoints to a device, and keeps what it read on the host, the least recently used out.

    What is on the host is never changed: each load makes networks of its own from it. So a run in flight, and
    what is done to a network on the device, concern nobody else. Safe from several threads.

    :param budget: bytes of weights that are kept. One that is larger is not.
    :param load: reads a checkpoint. :param pin: puts a weight where the device reads it quickly.
    """

    def __init__(
        self, budget: int, load: Load = load_model, pin: Callable[[Tensor], Tensor] = pinned
    ) -> None:
        self._budget = budget
        self._load = load
        self._pin = pin
        self._lock = threading.Lock()
        self._kept: OrderedDict[ModelIdentity, tuple[LoadedModel, int]] = OrderedDict()

    def __call__(self, ref: ModelRef, device: torch.device, dtype: torch.dtype) -> LoadedModel:
        """Raises what ``load`` raises."""
        with self._lock:
            host = self._found(ref) or self._read(ref, dtype)
        model = _moved(host, lambda x: x.to(device, non_blocking=True))
        if device.type == "cuda":
            torch.cuda.current_stream(device).synchronize()
        return replace(model, device=device)

    def _found(self, ref: ModelRef) -> LoadedModel | None:
        found = self._kept.get(ref.identity)
        if found is None:
            return None
        self._kept.move_to_end(ref.identity)
        return found[0]

    def _read(self, ref: ModelRef, dtype: torch.dtype) -> LoadedModel:
        model = self._load(ref, torch.device("cpu"), dtype)
        size = model.weight_bytes
        if size > self._budget:
            return model
        # Room first: two of them at once may be more than there is.
        while self._kept and size + sum(held for _, held in self._kept.values()) > self._budget:
            self._kept.popitem(last=False)
        try:
            host = _moved(model, self._pin)
        except RuntimeError as error:
            log.warning(
                "%s does not stay on the host: %s", ref.identity.name, " ".join(str(error).split())[:200]
            )
            return model
        self._kept[ref.identity] = host, size
        return host


def _moved(model: LoadedModel, move: Callable[[Tensor], Tensor]) -> LoadedModel:
    """The same model with networks of its own, whose tensors went through ``move``."""
    networks = {name: _network(getattr(model, name), move) for name in _NETWORKS}
    long = None if model.long is None else (model.long[0], _network(model.long[1], move))
    lane, texts = Lane(time.monotonic), Lane(time.monotonic)
    return replace(model, **networks, long=long, wide=WideCopies(), lane=lane, text_lane=texts)


def _network(network: Any, move: Callable[[Tensor], Tensor]) -> Any:
    if network is None:
        return None
    copy = sharing_copy(network)
    moved: dict[int, Any] = {}
    for module in copy.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                key = id(weight)
                if key not in moved:  # a weight that is used twice stays one
                    moved[key] = nn.Parameter(move(weight.data), requires_grad=False)
                module._parameters[name] = moved[key]
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = moved.setdefault(id(buffer), move(buffer))
    return copy
