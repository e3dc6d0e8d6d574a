"""What every training stage shares: devices, the schedule by step, averages of weights, checkpoints."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

State = dict[str, Any]


@dataclass(frozen=True)
class Machine:
    """Where training runs. bfloat16 autocast doubles the speed of convolutions, on CPU as on CUDA."""

    device: torch.device
    threads: int = 1

    @classmethod
    def choose(cls, name: str, threads: int) -> Machine:
        """`auto` takes CUDA when there is one. More than one CPU thread hurts on a shared machine."""
        torch.set_num_threads(threads)
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        return cls(torch.device(name), threads)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16)

    def images(self, batch: Tensor) -> Tensor:
        """Move an image batch to the device, channels last."""
        return batch.to(self.device).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Schedule:
    """Warm-up, a constant part, and a linear decay over the last share: by step, never by clock."""

    peak: float
    total: int
    warmup: int = 100
    decay_share: float = 0.3
    floor: float = 0.02

    def rate(self, step: int) -> float:
        left = max(0.0, (self.total - step) / max(1.0, self.total * self.decay_share))
        return self.peak * min(1.0, (step + 1) / self.warmup) * max(self.floor, min(1.0, left))


class Average:
    """Exponential moving average of the parameters of several modules."""

    def __init__(self, modules: dict[str, nn.Module], decay: float) -> None:
        self._modules, self._decay = modules, decay
        self.weights = {name: _copy(module) for name, module in modules.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, module in self._modules.items():
            kept = list(self.weights[name].values())
            torch._foreach_lerp_(kept, [p.detach() for p in module.parameters()], 1 - decay)

    @contextlib.contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Run with the averaged weights, then put the training weights back."""
        kept = {name: _copy(module) for name, module in self._modules.items()}
        _load(self._modules, self.weights)
        try:
            yield
        finally:
            _load(self._modules, kept)


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


@torch.no_grad()
def _load(modules: dict[str, nn.Module], weights: dict[str, dict[str, Tensor]]) -> None:
    for name, module in modules.items():
        for key, value in module.named_parameters():
            value.copy_(weights[name][key])


@dataclass
class Loop:
    """State of a training loop that can be saved and taken up again at any step."""

    modules: dict[str, nn.Module]
    optimizer: torch.optim.Optimizer
    average: Average
    path: Path
    step: int = 0
    views: int = 0
    seconds: float = 0.0

    def save(self) -> None:
        state: State = {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "average": self.average.weights,
            "optimizer": self.optimizer.state_dict(),
            "counts": (self.step, self.views, self.seconds),
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.path)

    def load(self) -> None:
        state: State = torch.load(self.path, map_location="cpu", weights_only=True)
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
            for key, value in self.average.weights[name].items():
                value.copy_(state["average"][name][key])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.views, self.seconds = state["counts"]

    def set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)


@dataclass
class Means:
    """Running means of the numbers of the last steps, for the log."""

    rows: list[dict[str, float]]

    def add(self, **values: float) -> None:
        self.rows.append(values)

    def take(self) -> dict[str, float]:
        names = self.rows[0] if self.rows else {}
        means = {name: float(np.mean([row[name] for row in self.rows])) for name in names}
        self.rows.clear()
        return {name: round(value, 5) for name, value in means.items()}


class Deadline:
    """The `--minutes` budget of a stage: training stops after the step that passes it, and can be resumed."""

    def __init__(self, minutes: float | None) -> None:
        self._end = time.monotonic() + minutes * 60 if minutes else None

    def passed(self) -> bool:
        return self._end is not None and time.monotonic() > self._end


def step_rng(seed: int, step: int) -> np.random.Generator:
    """Randomness of one step: it depends on the step alone, so resuming changes nothing."""
    return np.random.default_rng([seed, step])


def step_generator(seed: int, step: int) -> torch.Generator:
    """The same for torch."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


Report = Callable[[int, int, dict[str, float]], None]
