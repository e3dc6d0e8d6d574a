"""Which unfinished pictures a stream shows, and when."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.progress import Progress


@dataclass(frozen=True, slots=True)
class Milestone:
    """:ivar fraction: of the whole job, at which the picture is due. :ivar index: counts for each picture."""

    fraction: float
    index: int


class Milestones:
    """``partials`` of each of ``pictures`` that are drawn one after the other, evenly spread."""

    def __init__(self, pictures: int, partials: int) -> None:
        self._left = [
            Milestone((picture + (index + 1) / (partials + 1)) / pictures, index)
            for picture in range(pictures)
            for index in range(partials)
        ]

    @property
    def are_left(self) -> bool:
        return bool(self._left)

    def reached(self, progress: Progress) -> Milestone | None:
        """The last one that was passed since the last call; those before it are left out, since only what
        the picture looks like now can be shown."""
        passed = [milestone for milestone in self._left if milestone.fraction <= progress.fraction + 1e-9]
        self._left = self._left[len(passed) :]
        return passed[-1] if passed else None
