"""The scripts that plugins offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.domain.request import GenerationRequest, Kind
from core.domain.resources import ScriptInfo
from core.domain.scripts import Script
from core.drafts import Draw, ScriptResult

Run: TypeAlias = Callable[[GenerationRequest, Mapping[str, Any], Draw], ScriptResult]
"""Draws a request by as many passes as it likes: request, every argument by name, and what to draw with."""

Key: TypeAlias = tuple[str, bool]
"""The folded name of a script, and whether it is on img2img."""


@dataclass(frozen=True, slots=True)
class OfferedScript:
    """A script, the plugin it is of, and what runs it (None for one that is always on)."""

    plugin: str
    script: Script
    run: Run | None


class ScriptRegister:
    """Handed to ``serena_register_scripts``. ``plugin`` is who is being asked."""

    def __init__(self, plugin: str, taken: Mapping[Key, OfferedScript]) -> None:
        self._plugin = plugin
        self._taken = taken
        self.offered: dict[Key, OfferedScript] = {}

    def add(self, script: Script, run: Run | None = None) -> None:
        """Offer a script. Raises ``ValueError``: its name is taken, it is on no endpoint, or it has both or
        neither of ``run`` and ``always_on``."""
        if script.always_on == (run is not None):
            raise ValueError(f"the script {script.name!r} must either be always on or come with its run")
        infos = script.infos()
        if not infos:
            raise ValueError(f"the script {script.name!r} is neither on txt2img nor on img2img")
        for key in map(key_of, infos):
            owner = self._taken.get(key) or self.offered.get(key)
            if owner is not None:
                raise ValueError(f"the script name {script.name!r} is taken by the plugin {owner.plugin!r}")
        for key in map(key_of, infos):
            self.offered[key] = OfferedScript(self._plugin, script, run)

    def infos(self) -> tuple[ScriptInfo, ...]:
        """What was offered, each script on each endpoint."""
        return tuple(
            info for key, one in self.offered.items() for info in one.script.infos() if key_of(info) == key
        )


def key_of(info: ScriptInfo) -> Key:
    return info.name.casefold(), info.img2img


def key_for(request: GenerationRequest) -> Key:
    """The script that a request selects."""
    return (request.script_name or "").casefold(), request.kind is Kind.IMG2IMG
