"""Flow models: how their noise levels follow from the size of a picture, and which samplers can follow them.

Their levels mix data and noise, so a sampler that adds noise on its way, made for noise that is added to
the data, would leave the path that the model knows. Those that only follow the model's slope do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.errors import InvalidValue, ModelError
from core.sampling.model_sigmas import ModelSigmas
from core.sampling.registry import SAMPLERS, SamplerInfo
from core.sampling.schedules import SchedulerInfo

_HIGHEST = 1.0
_LARGE = 4300


@dataclass(frozen=True, slots=True)
class FlowShift:
    """How far the levels of a flow model lean towards noise.

    :param shift: for every size, unless ``dynamic``.
    :param dynamic: it grows with the picture, on a line through two sizes in patches.
    :param base: patches of the smaller size, and its shift; ``most``: of the larger.
    :param linear: the shift itself lies on the line, not its logarithm.
    :param terminal: where uniform levels end; 0: where they fall.
    :param by_steps: it grows with the picture and with the number of steps, as Flux.2 was tuned.
    :param trailing: uniform levels are those of the model's makers. SD3 has the reference's.
    """

    shift: float = 3.0
    dynamic: bool = False
    base: tuple[int, float] = (256, 0.5)
    most: tuple[int, float] = (4096, 1.15)
    linear: bool = False
    terminal: float = 0.0
    trailing: bool = True
    by_steps: bool = False

    @classmethod
    def of(cls, scheduler: Mapping[str, Any], *, trailing: bool = True, by_steps: bool = False) -> FlowShift:
        """From the configuration of a scheduler, in diffusers' words. Raises ``ModelError``."""
        kind = str(scheduler.get("_class_name", "FlowMatchEulerDiscreteScheduler"))
        if not kind.startswith("FlowMatch"):
            raise ModelError(f"its scheduler is a {kind}; a flow model has a FlowMatchEulerDiscreteScheduler")
        base = int(scheduler.get("base_image_seq_len") or 256), float(scheduler.get("base_shift") or 0.5)
        most = int(scheduler.get("max_image_seq_len") or 4096), float(scheduler.get("max_shift") or 1.15)
        return cls(
            shift=float(scheduler.get("shift") or 1.0),
            dynamic=bool(scheduler.get("use_dynamic_shifting")),
            base=base,
            most=most,
            linear=scheduler.get("time_shift_type") == "linear",
            terminal=float(scheduler.get("shift_terminal") or 0.0),
            trailing=trailing,
            by_steps=by_steps,
        )

    def table(self, patches: int, steps: int) -> ModelSigmas:
        """For a picture of so many patches, drawn in so many steps."""
        return ModelSigmas.flow(self._of(patches, steps), trailing=self.trailing, terminal=self.terminal)

    def _of(self, patches: int, steps: int) -> float:
        if not self.dynamic:
            return self.shift
        if self.by_steps:
            return math.exp(_tuned(patches, steps))
        (few, low), (many, high) = self.base, self.most
        at = low + (high - low) * (patches - few) / (many - few)
        return at if self.linear else math.exp(at)


def _tuned(patches: int, steps: int) -> float:
    """Between two lines by size, one found good for 10 steps and one for 200; beyond 4300 patches the latter
    alone. The numbers are those of Flux.2's makers."""
    many = 0.00016927 * patches + 0.45666666
    if patches > _LARGE:
        return many
    few = 8.73809524e-05 * patches + 1.89833333
    return few + (many - few) * (steps - 10) / 190.0


def check_flow_sampler(sampler: SamplerInfo) -> None:
    """Raises ``InvalidValue`` for a sampler that cannot follow a flow model's levels."""
    if not sampler.flow:
        known = ", ".join(one.name for one in SAMPLERS if one.flow)
        raise InvalidValue("sampler_name", sampler.name, f"a flow model takes one of {known}")


def check_flow_levels(scheduler: SchedulerInfo, sigmas: Sequence[float], churn: float) -> None:
    """Raises ``InvalidValue`` for levels that are no mixture, or where noise is put back."""
    if sigmas[0] > _HIGHEST + 1e-6:
        expected = f"its first noise level is {sigmas[0]:g}; a flow model knows none above 1: choose another"
        raise InvalidValue("scheduler", scheduler.label, expected)
    if churn > 0.0:
        raise InvalidValue("s_churn", churn, "a flow model takes 0 alone")
