"""Muon: momentum whose matrix-shaped updates are made orthogonal, with AdamW for everything else.

An orthogonal update moves every direction of a layer by the same amount, which makes better use of a few
thousand steps than AdamW does here. The method is Keller Jordan's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

ITERATION = (3.4445, -4.7750, 2.0315)


def orthogonalised(matrices: Tensor, rounds: int = 5) -> Tensor:
    """Newton-Schulz iteration: (N, rows, columns) to nearly orthogonal matrices with the same directions."""
    a, b, c = ITERATION
    wide = matrices.shape[-2] <= matrices.shape[-1]
    x = matrices if wide else matrices.mT
    x = (x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x if wide else x.mT).float()


class Muon(torch.optim.Optimizer):
    """Groups with `matrix=True` take orthogonal updates; the others take AdamW's."""

    def __init__(self, groups: list[dict[str, object]], lr: float = 1e-3, momentum: float = 0.95) -> None:
        super().__init__(
            groups, {"lr": lr, "momentum": momentum, "decay": 0.01, "scale": 1.0, "matrix": False}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            ready = [p for p in group["params"] if p.grad is not None]
            if group["decay"]:
                torch._foreach_mul_(ready, 1 - group["lr"] * group["decay"])
            (self._matrices if group["matrix"] else self._others)(ready, group)

    def _matrices(self, params: list[Tensor], group: dict[str, object]) -> None:
        rate, momentum = float(group["lr"]), float(group["momentum"])  # type: ignore[arg-type]
        alike: dict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for p in params:
            state = self.state[p]
            if not state:
                state["momentum"] = torch.zeros_like(p)
            state["momentum"].lerp_(p.grad, 1 - momentum)
            update = p.grad.lerp(state["momentum"], momentum)
            alike[update.flatten(1).shape].append((p, update.flatten(1)))
        for shape, pairs in alike.items():
            updates = orthogonalised(torch.stack([update for _, update in pairs]))
            factor = 0.2 * max(shape) ** 0.5  # the size that an AdamW update would have
            for (p, _), update in zip(pairs, updates, strict=True):
                p.add_(update.view_as(p), alpha=-rate * factor)

    def _others(self, params: list[Tensor], group: dict[str, object]) -> None:
        rate = float(group["lr"])  # type: ignore[arg-type]
        for p in params:
            state = self.state[p]
            if not state:
                state.update(first=torch.zeros_like(p), second=torch.zeros_like(p), count=0)
            state["count"] += 1
            state["first"].lerp_(p.grad, 0.1)
            state["second"].lerp_(p.grad.square(), 0.01)
            first = state["first"] / (1 - 0.9 ** state["count"])
            second = state["second"] / (1 - 0.99 ** state["count"])
            p.addcdiv_(first, second.sqrt().add_(1e-8), value=-rate)


def groups_of(
    modules: Iterable[nn.Module], scale: float = 1.0, decay: float = 0.0
) -> list[dict[str, object]]:
    """Weight matrices and convolutions go to Muon; embeddings, norms, biases and the two ends go to AdamW."""
    matrices, others = [], []
    for module in modules:
        for name, p in module.named_parameters():
            ends = ("conv_in", "conv_out", "embed", "quant_conv", "time_emb")
            plain = p.ndim < 2 or any(part in name for part in ends)
            (others if plain else matrices).append(p)
    return [
        {"params": matrices, "matrix": True, "scale": scale, "decay": decay},
        {"params": others, "matrix": False, "scale": scale, "decay": 0.0},
    ]
