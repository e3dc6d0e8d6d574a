"""The refiner: another checkpoint that takes over within a pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from adapters.backends.torch.conditioning import ImageConditioning
from core.prepared import RefinerSwitch
from core.sampling.scalings import ModelScaling

Network: TypeAlias = Callable[[Tensor, float, Tensor], Tensor]
"""(rows, channels, height, width), model time, (rows, tokens, width) → what the UNet answers, a row for a
row."""

LAST_TIME = 999
TIMES = 1000


@dataclass(frozen=True, slots=True)
class Takeover:
    """When it happens, and how.

    :param steps: model evaluations of the pass.
    :param begin: loads the other checkpoint; gives its network, scaling and the conditioning of the pictures.
    """

    switch: RefinerSwitch
    steps: int
    begin: Callable[[], tuple[Network, ModelScaling, Sequence[ImageConditioning]]]

    def is_due(self, call: int, time: float) -> bool:
        """Before evaluation ``call`` (from 0) at model time ``time``."""
        done = call / self.steps if self.switch.by_steps else (LAST_TIME - round(time)) / TIMES
        return done >= self.switch.at
