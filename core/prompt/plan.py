"""The whole of a prompt: its ``AND`` parts, and which text each has at which model evaluation."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from core.prompt.composition import split_and
from core.prompt.schedule import Timeline, schedule


@dataclass(frozen=True, slots=True)
class ScheduledText:
    """A text that changes: ``entries`` are (last step, text), ascending."""

    entries: tuple[tuple[int, str], ...]
    _ends: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ends", tuple(end for end, _ in self.entries))

    def index_at(self, call: int) -> int:
        """Which entry is in force at denoiser call ``call`` (from 0): the first that ends at or after
        it; behind the end (DPM adaptive asks on) the first of all, as the reference has it."""
        found = bisect_left(self._ends, call)
        return found if found < len(self.entries) else 0

    def at(self, call: int) -> str:
        return self.entries[self.index_at(call)][1]


@dataclass(frozen=True, slots=True)
class PlanPart:
    weight: float
    schedule: ScheduledText


@dataclass(frozen=True, slots=True)
class PromptPlan:
    """One prompt over one pass. A negative prompt has exactly one part, of weight 1."""

    parts: tuple[PlanPart, ...]

    @classmethod
    def positive(cls, text: str, timeline: Timeline) -> PromptPlan:
        return cls(tuple(PlanPart(part.weight, _scheduled(part.text, timeline)) for part in split_and(text)))

    @classmethod
    def negative(cls, text: str, timeline: Timeline) -> PromptPlan:
        """In a negative prompt ``AND`` and a weight at the end are plain text."""
        return cls((PlanPart(1.0, _scheduled(text, timeline)),))

    def at(self, call: int) -> tuple[tuple[str, float], ...]:
        """The text and weight of each part in force at denoiser call ``call``, counted from 0 anew in
        each pass."""
        return tuple((part.schedule.at(call), part.weight) for part in self.parts)

    @property
    def texts(self) -> tuple[str, ...]:
        """Each text to encode, once, in the order of first use."""
        return tuple(dict.fromkeys(text for part in self.parts for _, text in part.schedule.entries))

    @property
    def is_constant(self) -> bool:
        """Whether every call has the same texts."""
        return all(len({text for _, text in part.schedule.entries}) == 1 for part in self.parts)


def _scheduled(text: str, timeline: Timeline) -> ScheduledText:
    return ScheduledText(tuple(schedule(text, timeline)))
