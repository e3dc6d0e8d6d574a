"""What a file changes one layer by: the kinds of factors that trainers write, multiplied out.

``weight`` is the layer's own, in its own shape; each kind gives a tensor of that shape, in single precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from core.domain.errors import ModelError

Factors: TypeAlias = Mapping[str, Tensor]
"""The tensors of one layer by the ending of their names."""

DOWN = ("lora_down.weight", "lora_A.weight", "lora.down.weight", "lora_linear_layer.down.weight")
UP = ("lora_up.weight", "lora_B.weight", "lora.up.weight", "lora_linear_layer.up.weight")
LEAST = 1e-12


def change(factors: Factors, weight: Tensor, multiplier: float) -> Tensor:
    """What is added to ``weight``. Raises :class:`ModelError` for factors of no known kind or of another
    size."""
    delta = _delta(factors, weight) * multiplier
    magnitude = factors.get("dora_scale")
    return delta if magnitude is None else _with_magnitude(weight, delta, magnitude)


def _delta(factors: Factors, weight: Tensor) -> Tensor:
    multiply = next((kind for key, kind in _KINDS.items() if key in factors), None)
    if multiply is None:
        raise ModelError(f"it has {', '.join(sorted(factors))}, which is no kind of change that is known")
    try:
        delta = multiply({name: x.float() for name, x in factors.items()}, weight)
        return delta.reshape(weight.shape)
    except (RuntimeError, KeyError, IndexError):
        raise ModelError(f"it does not fit a layer of {' x '.join(map(str, weight.shape))}") from None


def _low_rank(factors: Factors, weight: Tensor) -> Tensor:
    down, up = _first(factors, DOWN), _first(factors, UP)
    middle = factors.get("lora_mid.weight")
    if middle is not None:
        whole = torch.einsum("pq...,op,qi->oi...", middle, _flat(up), _flat(down))
    else:
        whole = _flat(up) @ down.flatten(1)
    return whole * _strength(factors, down.shape[0])


def _hadamard(factors: Factors, weight: Tensor) -> Tensor:
    first = _half(factors, "hada_w1_a", "hada_w1_b", "hada_t1")
    second = _half(factors, "hada_w2_a", "hada_w2_b", "hada_t2")
    return first * second * _strength(factors, factors["hada_w1_b"].shape[0])


def _half(factors: Factors, left: str, right: str, core: str) -> Tensor:
    if core not in factors:
        return factors[left] @ factors[right]
    return torch.einsum("pq...,po,qi->oi...", factors[core], factors[left], factors[right])


def _kronecker(factors: Factors, weight: Tensor) -> Tensor:
    first, rank = _factor(factors, "lokr_w1")
    second, other = _factor(factors, "lokr_w2")
    while first.dim() < second.dim():
        first = first.unsqueeze(-1)
    rank = rank or other
    return torch.kron(first.contiguous(), second.contiguous()) * (_strength(factors, rank) if rank else 1.0)


def _factor(factors: Factors, name: str) -> tuple[Tensor, int | None]:
    """One of the two, and its rank if it comes as a product itself."""
    if name in factors:
        return factors[name], None
    left, right = factors[f"{name}_a"], factors[f"{name}_b"]
    core = factors.get(name.replace("w", "t"))
    if core is not None:
        return torch.einsum("pq...,po,qi->oi...", core, left, right), right.shape[0]
    return left @ right, right.shape[0]


def _whole(factors: Factors, weight: Tensor) -> Tensor:
    return factors["diff"]


_KINDS: dict[str, Callable[[Factors, Tensor], Tensor]] = {
    **dict.fromkeys(DOWN, _low_rank),
    "hada_w1_a": _hadamard,
    "lokr_w1": _kronecker,
    "lokr_w1_a": _kronecker,
    "diff": _whole,
}


def _strength(factors: Factors, rank: int) -> float:
    alpha = factors.get("alpha")
    return 1.0 if alpha is None else float(alpha) / rank


def _with_magnitude(weight: Tensor, delta: Tensor, magnitude: Tensor) -> Tensor:
    """DoRA: the direction of the changed weight, with lengths of its own."""
    changed = weight.float() + delta
    along_outputs = magnitude.shape[0] == weight.shape[0] and magnitude.numel() == weight.shape[0]
    flat = changed.flatten(1) if along_outputs else changed.transpose(0, 1).flatten(1)
    length = flat.norm(dim=1).clamp_min(LEAST)
    shape = [-1, *[1] * (weight.dim() - 1)] if along_outputs else [1, -1, *[1] * (weight.dim() - 2)]
    share: Tensor = magnitude.float().flatten().reshape(shape) / length.reshape(shape)
    return changed * share - weight.float()


def _first(factors: Factors, names: tuple[str, ...]) -> Tensor:
    return next(factors[name] for name in names if name in factors)


def _flat(x: Tensor) -> Tensor:
    return x.flatten(1)
