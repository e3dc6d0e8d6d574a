"""What became of each plugin."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.resources import ScriptInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginReport:
    """One plugin, loaded or not.

    :param name: entry point name, or the name of a built-in.
    :param hooks: names of the hooks that it implements.
    :param error: why it is not in use; None when it is.
    :param scripts: those that it offers, one for each endpoint.
    :param warnings: what it will have to change before a later version.
    """

    name: str
    distribution: str
    version: str
    builtin: bool
    hooks: tuple[str, ...] = ()
    error: str | None = None
    scripts: tuple[ScriptInfo, ...] = ()
    warnings: tuple[str, ...] = ()
