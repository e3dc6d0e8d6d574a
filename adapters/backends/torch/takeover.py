"""The refiner: another checkpoint that takes over within a pass."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from adapters.backends.torch.conditioning import ImageConditioning
from adapters.backends.torch.hook_drafts import TorchResiduals
from core.prepared import RefinerSwitch
from core.sampling.scalings import ModelScaling


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a sampling pass a question stands.

    :ivar call: the evaluation, from 0. :ivar rows: equal for questions of other evaluations that ask for the
        same rows: those of the same pictures, with the same part of their texts.
    """

    call: int
    rows: Hashable


class Network(Protocol):
    """A UNet or a transformer, asked."""

    def __call__(
        self,
        x: Tensor,
        t: float,
        context: Tensor,
        vector: Tensor | None = None,
        residuals: TorchResiduals | None = None,
        place: Place | None = None,
    ) -> Tensor:
        """What it answers, a row for a row.

        :param x: (rows, channels, height, width). :param t: model time.
        :param context: (rows, tokens, width).
        :param vector: (rows, numbers), what it is told of each text as a whole, and the sizes behind that.
        :param residuals: what is added inside of it.
        :param place: None: nothing may be kept from one evaluation to another.
        """
        ...


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
