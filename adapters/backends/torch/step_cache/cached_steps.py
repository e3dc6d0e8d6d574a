"""Deep features of a run's rows, kept from one evaluation to the next few."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

from adapters.backends.torch.engine.batcher import Member
from adapters.backends.torch.engine.calls import Question, Rows
from adapters.backends.torch.speed.passes import Passes
from adapters.backends.torch.speed.plan import STEP_CACHE
from adapters.backends.torch.step_cache.deep import has_depth, keeping, shallow, split
from adapters.backends.torch.takeover import Place


@dataclass(slots=True)
class StepCache:
    """Of one sampling pass of one run: what is kept belongs to its rows, whoever shares its passes.

    :param every: features serve for so many evaluations, the one that made them included.
    """

    every: int
    _kept: dict[Hashable, tuple[int, Tensor | None]] = field(default_factory=dict)

    def features(self, place: Place, count: int) -> Tensor | None:
        """What may stand in for the deep blocks of ``count`` rows; None: they are to be computed."""
        call, deep = self._kept.get(place.rows, (0, None))
        if deep is None or place.call % self.every == 0 or place.call - call >= self.every:
            return None
        return deep if deep.shape[0] == count else None

    def keep(self, place: Place, deep: Tensor) -> None:
        self._kept[place.rows] = place.call, deep


class CachedSteps:
    """Asks a UNet for whole or for shallow passes, as the cache says.

    :param marks: told of the first shallow pass.
    """

    def __init__(
        self, unet: Any, member: Member, passes: Passes, cache: StepCache, tiled: bool, marks: dict[str, str]
    ) -> None:
        self._unet = unet
        self._member = member
        self._cache = cache
        self._marks = marks
        self._key = (id(unet), tiled)
        self._keeping = passes.forward(unet, partial(keeping, tiled=tiled), "keeping")
        self._shallow = passes.forward(unet, partial(shallow, tiled=tiled), "shallow")

    def ask(self, rows: Rows, place: Place) -> Tensor:
        whole = Question((self._key, "keeping"), self._keeping, rows)
        # Runs that are at other places go in step all the same, so that they meet again.
        company = ("cached steps", whole.key)
        deep = self._cache.features(place, whole.count)
        if deep is not None:
            self._marks[STEP_CACHE] = str(self._cache.every)
            given = {**rows, "deep": deep}
            question = Question((self._key, "shallow"), self._shallow, given, company=company, typical=False)
            return self._member.ask(question)
        question = Question(whole.network, whole.forward, rows, company=company)
        answer, deep = split(self._unet, self._member.ask(question))
        self._cache.keep(place, deep)
        return answer


def cached_steps(
    unet: Any, member: Member, passes: Passes, every: int, tiled: bool, marks: dict[str, str]
) -> CachedSteps | None:
    """None where every evaluation is a whole one. ``marks``: as :class:`CachedSteps`."""
    if every <= 1 or not has_depth(unet):
        return None
    return CachedSteps(unet, member, passes, StepCache(every), tiled, marks)
