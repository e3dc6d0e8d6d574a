"""Putting weights into a network that was made without any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from core.domain.errors import ModelError

State = Mapping[str, Tensor]


def filled(
    make: Callable[[], Any],
    weights: State,
    dtype: torch.dtype,
    may_be_left: Callable[[str], bool],
    words: str,
) -> Any:
    """The network of ``make``, with these weights and no others; nothing is held twice.

    :param may_be_left: names of weights that the network need not have.
    :param words: what it is, for the sentence of the ``ModelError`` that is raised where it does not fit.
    """
    network = empty(make)
    wanted = {name: tuple(x.shape) for name, x in network.state_dict().items()}
    given = {name: x for name, x in weights.items() if name in wanted or not may_be_left(name)}
    _check(wanted, given, words)
    network.load_state_dict({name: x.to(dtype) for name, x in given.items()}, assign=True)
    _count_positions(network)
    return network


def empty(make: Callable[[], Any]) -> Any:
    """The network with shapes and no weights. For this thread only: another may make one with weights."""
    with torch.device("meta"):
        return make()


def _count_positions(network: Any) -> None:
    """The numbers of the places in a text are in no file."""
    for module in network.modules():
        if "position_ids" in getattr(module, "_buffers", {}):
            shape = module.position_ids.shape
            module.register_buffer("position_ids", torch.arange(shape[-1]).expand(shape), persistent=False)


def _check(wanted: Mapping[str, tuple[int, ...]], given: State, words: str) -> None:
    missing = sorted(wanted.keys() - given.keys())
    if missing:
        raise ModelError(f"{words} has no {missing[0]}{_more(missing)}")
    unknown = sorted(given.keys() - wanted.keys())
    if unknown:
        raise ModelError(f"{words} has a {unknown[0]}{_more(unknown)} that such a model has not")
    for name, shape in wanted.items():
        if tuple(given[name].shape) != shape:
            sizes = " x ".join(map(str, given[name].shape)), " x ".join(map(str, shape))
            raise ModelError(f"the {name} of {words} is {sizes[0]}; such a model has {sizes[1]}")


def _more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
