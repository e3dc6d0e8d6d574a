"""Draws on beyond the edges of a picture: two scripts, which differ in what they put there to start from."""

from __future__ import annotations

from plugins.builtin.outpainting import mk2, poor_mans
from plugins.hookspecs import hookimpl
from plugins.scripts import ScriptRegister


class OutpaintingPlugin:
    """Offers the scripts."""

    @hookimpl
    def serena_register_scripts(self, register: ScriptRegister) -> None:
        register.add(mk2.SCRIPT, mk2.run)
        register.add(poor_mans.SCRIPT, poor_mans.run)
