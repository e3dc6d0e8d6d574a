"""The scripts that plugins offer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from core.domain.request import DRAWN, GenerationRequest
from core.domain.resources import ScriptInfo
from core.domain.scripts import check_scripts


class Offering(Protocol):
    """Whoever offers scripts: a plugin's report."""

    @property
    def scripts(self) -> tuple[ScriptInfo, ...]: ...


class ScriptBook:
    """What requests may name.

    :param offering: looked at anew each time: what runs in another process comes to be known late.
    """

    def __init__(self, offering: Iterable[Offering]) -> None:
        self._offering = offering

    def all(self) -> Sequence[ScriptInfo]:
        """Those of txt2img first; those that a request selects before those that are always on, by name."""
        found = (script for one in self._offering for script in one.scripts)
        return sorted(found, key=lambda script: (script.img2img, script.always_on, script.name))

    def check(self, request: GenerationRequest) -> None:
        """Raises ``UnknownScript``, or ``InvalidValue`` for an argument."""
        if request.kind in DRAWN:
            check_scripts(request, self.all())
