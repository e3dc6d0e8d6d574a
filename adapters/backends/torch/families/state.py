"""Putting weights into a network that was made without any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

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
    given |= _shared(network, given)
    _check(wanted, given, words)
    wide = _stay_wide(network, dtype)
    cast = {name: x.float() if wide(name) else _as(x, dtype) for name, x in given.items()}
    network.load_state_dict(cast, assign=True)
    _tie(network)
    return network


def kept_apart(network: Any, device: torch.device) -> Any:
    """The network on ``device``, with weights of its own. As they were read, they are pages of the file:
    on a CPU they would change with a file that is overwritten in place, and one that is cut off would end the
    process."""
    network = network.to(device)
    if device.type == "cpu":
        for x in (*network.parameters(), *network.buffers()):
            x.data = x.data.clone()
    return network


def empty(make: Callable[[], Any]) -> Any:
    """The network with shapes and no weights; what it counts for itself (places, frequencies) it has.

    For this thread only. The libraries' own ways to do so change ``torch.nn`` for the whole process while
    they read, so that a network which another thread makes just then comes out empty too, or in another
    number format.
    """
    with _WithoutWeights():
        network = make()
    _tie(network)
    return network


class _WithoutWeights(TorchFunctionMode):
    """Layers ask for room with ``torch.empty``: they get none."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if func is torch.empty and given.get("device") is None:
            given["device"] = "meta"
        return func(*args, **given)


def _as(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x.to(dtype) if x.is_floating_point() else x


def _stay_wide(network: Any, dtype: torch.dtype) -> Callable[[str], bool]:
    """Which weights overflow in half precision, as their class says."""
    layers = tuple(getattr(network, "_keep_in_fp32_modules", None) or ())
    if dtype != torch.float16 or not layers:
        return lambda name: False
    return lambda name: any(layer in name.split(".") for layer in layers)


def _tie(network: Any) -> None:
    """Make weights one that the network uses in several places."""
    if hasattr(network, "tie_weights"):
        network.tie_weights()


def _shared(network: Any, given: State) -> dict[str, Tensor]:
    """A weight that is used in several places lies in the file once."""
    places: dict[int, list[str]] = {}
    for name, weight in network.named_parameters(remove_duplicate=False):
        places.setdefault(id(weight), []).append(name)
    found: dict[str, Tensor] = {}
    for names in places.values():
        here = next((name for name in names if name in given), None)
        if here is not None:
            found |= {name: given[here] for name in names if name not in given}
    return found


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
