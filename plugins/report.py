"""What became of each plugin."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginReport:
    """One plugin, loaded or not.

    :param name: entry point name, or the module name of a built-in.
    :param hooks: names of the hooks that it implements.
    :param error: why it is not in use; None when it is.
    """

    name: str
    distribution: str
    version: str
    builtin: bool
    hooks: tuple[str, ...] = ()
    error: str | None = None
